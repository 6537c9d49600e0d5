import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NetReply, NetRequest } from '../../../bridges/accounts/net.ts';
import type { Provider as ProviderShape } from '../../../bridges/contract/index.ts';
import { Provider } from '../../../bridges/contract/providers.ts';
import { createModelLists, type ModelLists } from '../../../bridges/engine/model-lists.ts';

const provider = (name: string, more: object = {}) =>
  Provider.parse({ name, baseUrl: `https://${name}.example/v1`, credential: 'none', ...more });
const lab = provider('lab');

describe('lists of models', () => {
  let at: number;
  let key: string | undefined;
  let asked: NetRequest[];
  let answer: () => Promise<NetReply>;
  let lists: ModelLists;
  const reply = (body: unknown, status = 200) => Promise.resolve({ status, headers: {}, body });
  const offered = async (...providers: ProviderShape[]): Promise<string[]> => (await lists.offered(providers)).map(({ id }) => id);

  beforeEach(() => {
    at = 0;
    key = 'sk-1';
    asked = [];
    answer = () => reply({ data: [{ id: 'one' }] });
    lists = createModelLists({
      net: (request) => {
        asked.push(request);
        return answer();
      },
      keyOf: () => ({ wanted() {}, value: () => key, pending: () => undefined, missing: () => 'It has no key.' }),
      now: () => at,
    });
  });
  afterEach(() => void vi.useRealTimers());

  it('are asked for once in a while, and stay where they can’t be had', async () => {
    expect(await offered(lab)).toEqual(['lab/one']);
    answer = () => reply('<html>', 502);
    expect(await offered(lab)).toEqual(['lab/one']);
    expect(asked).toHaveLength(1);
    at += 300_000;
    expect(await offered(lab)).toEqual(['lab/one']);
    answer = () => Promise.reject(new Error('It is gone.'));
    at += 30_000;
    expect(await offered(lab)).toEqual(['lab/one']);
    answer = () => reply([{ id: 'two' }]);
    at += 30_000;
    expect(await offered(lab)).toEqual(['lab/two']);
    expect(asked).toHaveLength(4);
  });

  it('are another’s where the address is another', async () => {
    await offered(lab);
    answer = () => reply({}, 404);
    expect(await offered(provider('lab', { baseUrl: 'https://other.example' }))).toEqual([]);
  });

  it('are asked for with the key, in the words of the vendor', async () => {
    const withKey = { credential: 'key' };
    await offered(provider('chat', withKey), provider('claude', { ...withKey, wires: ['messages'], keyHeader: 'x-api-key' }));
    expect(asked).toMatchObject([
      { url: 'https://chat.example/v1/models', headers: { authorization: 'Bearer sk-1' } },
      { url: 'https://claude.example/v1/models', headers: { 'x-api-key': 'sk-1', 'anthropic-version': '2023-06-01' } },
    ]);
    key = undefined;
    await offered(provider('later', withKey), provider('theirs', { credential: 'client' }));
    expect(asked).toHaveLength(2);
  });

  it('are asked for once by all who want them', async () => {
    const coming = Promise.withResolvers<NetReply>();
    answer = () => coming.promise;
    const all = Promise.all([offered(lab), offered(lab)]);
    coming.resolve(await reply({ models: [{ id: 'one' }] }));
    expect(await all).toEqual([['lab/one'], ['lab/one']]);
    expect(asked).toHaveLength(1);
  });

  it('that take long are there the next time', async () => {
    vi.useFakeTimers();
    const coming = Promise.withResolvers<NetReply>();
    answer = () => coming.promise;
    const first = offered(lab);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await first).toEqual([]);
    coming.resolve(await reply({ data: [{ id: 'one' }] }));
    expect(await offered(lab)).toEqual(['lab/one']);
  });
});

import { describe, expect, it } from 'vitest';
import { MAX_TUNNELS, TunnelDefinition } from '../../bridges/contract/tunnels.ts';
import { checkDraft } from '../../bridges/tunnels/drafts.ts';
import { createSamples } from '../../bridges/tunnels/samples.ts';

const GOOD = { name: 'lab', host: 'ssh.example.com', user: 'tunnel', farPorts: [3353, 3354] };
const other = TunnelDefinition.parse({ ...GOOD, name: 'other', farPorts: [4000, 4001] });
const around = {
  tunnels: [other],
  offers: ['companion', 'codex'],
  keyFault: (file: string) => (file === '/good' ? undefined : ('missing' as const)),
};
const check = (draft: object, editing: string | null = null) => checkDraft({ ...draft }, editing, around);
const problemsOf = (draft: object, editing?: string) =>
  Object.fromEntries(check(draft, editing).problems.map(({ field, message }) => [field, message]));

describe('a form for a tunnel', () => {
  it('comes to a definition once nothing is wrong, and what is empty counts as not given', () => {
    const { definition, problems } = check({ ...GOOD, identityFile: '', port: undefined, offer: '' });
    expect(problems).toEqual([]);
    expect(definition).toEqual(TunnelDefinition.parse(GOOD));
    expect(check({ ...GOOD, offer: 'codex', identityFile: '/good' }).problems).toEqual([]);
  });
  it('says what is missing while it is still empty, without a word about what is not', () => {
    expect(problemsOf({})).toEqual({ name: 'is missing', host: 'is missing', user: 'is missing', farPorts: 'must be two ports' });
    expect(problemsOf({ ...GOOD, user: '' })).toEqual({ user: 'is missing' });
  });
  it.each<[object, string, RegExp]>([
    [{ host: 'Example.com' }, 'host', /^must be a host name in small letters/],
    [{ host: 'x$(touch y)' }, 'host', /^must be a host name/],
    [{ user: 'a b' }, 'user', /^must be a user name/],
    [{ port: Number.NaN }, 'port', /^must be a number from 1 to 65535$/],
    [{ farPorts: [80, 3354] }, 'farPorts', /^must be a number from 1024 to 65535$/],
    [{ farPorts: [3353, null] }, 'farPorts', /^must be a number from 1024/],
    [{ farPorts: [3353, 3353] }, 'farPorts', /^must be two different ports$/],
    [{ farPorts: [4001, 4002] }, 'farPorts', /^must not be those of the tunnel "other"/],
    [{ name: 'other' }, 'name', /^is another tunnel’s already$/],
    [{ offer: 'ui' }, 'offer', /^must be one of: companion, codex$/],
    [{ identityFile: 'relative' }, 'identityFile', /^must be an absolute path/],
    [{ identityFile: '/none' }, 'identityFile', /^must name a file that is there$/],
    [{ connector: { kind: 'proxy' } }, 'connector', /^must be cloudflared, direct or none$/],
    [{ connector: { kind: 'direct', login: 'browser' } }, 'connector', /^takes no login; cloudflared alone does$/],
    [{ connector: { kind: 'cloudflared', login: 'x' } }, 'connector', /^must have the login service-token or browser$/],
    [{ made: 'up' }, 'name', /made/],
  ])('with %j says so of the %s', (change, field, message) => {
    const problems = problemsOf({ ...GOOD, ...change });
    expect(Object.keys(problems)).toEqual([field]);
    expect(problems[field]).toMatch(message);
  });
  it('holds one field against the others while another is not right yet', () => {
    expect(problemsOf({ ...GOOD, name: 'other', user: '', farPorts: [4000, 9] })).toMatchObject({
      name: 'is another tunnel’s already',
      user: 'is missing',
    });
  });
  it('says so where there are as many as there may be, but not of a change to one of them', () => {
    const many = Array.from({ length: MAX_TUNNELS }, (_, i) => ({ ...other, name: `t${i}`, farPorts: [5000 + 2 * i, 5001 + 2 * i] }));
    const full = { ...around, tunnels: TunnelDefinition.array().parse(many) };
    expect(checkDraft({ ...GOOD }, null, full).problems).toEqual([
      { field: 'name', message: `would be one too many: there are ${MAX_TUNNELS} tunnels` },
    ]);
    expect(checkDraft({ ...many[0] }, 't0', full).problems).toEqual([]);
  });
  it('does not stand in its own way when it is changed, but keeps its name', () => {
    expect(problemsOf({ ...other, user: 'else' }, 'other')).toEqual({});
    expect(problemsOf({ ...other, name: 'renamed' }, 'other')).toEqual({ name: 'can’t be changed; add another tunnel in its place' });
  });
});

describe('the numbers of a tunnel', () => {
  it('are what passed in each step, half an hour of them', () => {
    const samples = createSamples();
    for (let i = 1; i <= 400; i++) {
      samples.take(i * 5_000, { open: i, peak: i, total: i, bytesIn: i * 10, bytesOut: i * 100, lastAt: null }, i === 400 ? 1.5 : null);
    }
    const all = samples.all();
    expect(all).toHaveLength(360);
    expect(all[0]).toEqual({ at: new Date(41 * 5_000).toISOString(), bytesIn: 10, bytesOut: 100, open: 41, latencyMs: null });
    expect(all.at(-1)).toMatchObject({ bytesIn: 10, bytesOut: 100, latencyMs: 1.5 });
  });
});

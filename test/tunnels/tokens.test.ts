import { afterEach, beforeEach, expect, it } from 'vitest';
import { memorySecrets, SecretError, type SecretStore } from '../../bridges/engine/secrets.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { hasSsh } from '../support/programs.ts';

/** A service token goes to the gateway it was given for, and to no other that comes to bear its tunnel’s name. */

const SECRET = 'tunnel-token-lab';
const TOKEN = { id: 'id.access', secret: 'CANARY-secret' };
const definition = {
  name: 'lab',
  host: 'ssh.one.example',
  user: 'tunnel',
  farPorts: [3353, 3354] as [number, number],
  connector: { kind: 'direct' as const },
};

let engine: TestEngine;
let held: SecretStore;
let locked: boolean;
/** A write waits for this. */
let written: Promise<void>;
beforeEach(async () => {
  held = memorySecrets();
  locked = false;
  written = Promise.resolve();
  const unlocked = async <T>(work: () => Promise<T>): Promise<T> => {
    if (locked) throw new SecretError('locked', 'The keychain is locked.');
    return work();
  };
  const keychain: SecretStore = {
    lasting: true,
    get: (name) => unlocked(() => held.get(name)),
    set: (name, value) => unlocked(() => written.then(() => held.set(name, value))),
    delete: (name) => unlocked(() => held.delete(name)),
  };
  engine = await startTestEngine({ headless: { keychain } });
});
afterEach(() => engine.stop());

it.skipIf(!hasSsh)('a tunnel whose token can’t be removed stays, until it can', async () => {
  const { tunnels } = engine.control;
  await tunnels.add({ definition, token: TOKEN });
  locked = true;
  await expect(tunnels.remove({ name: 'lab' })).rejects.toThrow(/keychain is locked/);
  expect(await tunnels.list({})).toHaveLength(1);
  locked = false;
  await tunnels.remove({ name: 'lab' });
  expect(await tunnels.list({})).toEqual([]);
  expect(await held.get(SECRET)).toBeUndefined();
});

it.skipIf(!hasSsh)('a tunnel that is added without a token takes up none that was left', async () => {
  await held.set(SECRET, 'id.access\nof another gateway');
  await engine.control.tunnels.add({ definition });
  expect(await held.get(SECRET)).toBeUndefined();
});

it.skipIf(!hasSsh)('a tunnel led to another host does not take its token along, and has it again where it is led back', async () => {
  const { tunnels, settings } = engine.control;
  const enabled = { ...definition, enabled: true };
  const elsewhere = { ...enabled, host: 'ssh.two.example' };
  const cause = async () => (await tunnels.list({})).map((one) => [one.definition.host, one.cause]);
  await tunnels.add({ definition: enabled, token: TOKEN });
  await expect.poll(cause).toEqual([['ssh.one.example', 'host-key-unknown']]);
  await tunnels.edit({ definition: elsewhere });
  await expect.poll(cause).toEqual([['ssh.two.example', 'token-missing']]);
  await tunnels.edit({ definition: enabled });
  await expect.poll(cause).toEqual([['ssh.one.example', 'host-key-unknown']]);
  // By the settings file, too.
  await settings.update({ patch: { tunnels: { list: [elsewhere] } } });
  await expect.poll(cause).toEqual([['ssh.two.example', 'token-missing']]);
  await tunnels.token({ name: 'lab', token: TOKEN });
  await expect.poll(cause).toEqual([['ssh.two.example', 'host-key-unknown']]);
});

it.skipIf(!hasSsh)('a tunnel that is changed while its token is being kept tries again with it', async () => {
  const { tunnels } = engine.control;
  const cause = async () => (await tunnels.list({})).map((one) => [one.definition.farPorts[0], one.cause]);
  await tunnels.add({ definition: { ...definition, enabled: true } });
  await expect.poll(cause).toEqual([[3353, 'token-missing']]);
  const gate = Promise.withResolvers<void>();
  written = gate.promise;
  const given = tunnels.token({ name: 'lab', token: TOKEN });
  await tunnels.edit({ definition: { ...definition, enabled: true, farPorts: [4000, 4001] } });
  await expect.poll(cause).toEqual([[4000, 'token-missing']]);
  gate.resolve();
  await given;
  await expect.poll(cause).toEqual([[4000, 'host-key-unknown']]);
});

import assert from 'node:assert/strict';
import type { SecretStore } from '../../bridges/engine/secrets.ts';

/** What every SecretStore does, whatever it is made of. Run by the tests, and by a probe inside a real session. */
export const CONTRACT: Readonly<Record<string, (store: SecretStore) => Promise<void>>> = {
  'gives undefined for what it does not hold': async (store) => assert.equal(await store.get('nothing'), undefined),
  'gives back what it was given': async (store) => {
    await store.set('a', 'one');
    assert.equal(await store.get('a'), 'one');
  },
  'replaces a value': async (store) => {
    await store.set('a', 'one');
    await store.set('a', 'two');
    assert.equal(await store.get('a'), 'two');
  },
  'keeps names apart': async (store) => {
    await store.set('a', 'one');
    await store.set('b', 'other');
    assert.equal(await store.get('a'), 'one');
    assert.equal(await store.get('b'), 'other');
  },
  'forgets what is deleted, once and twice': async (store) => {
    await store.set('a', 'one');
    await store.delete('a');
    await store.delete('a');
    assert.equal(await store.get('a'), undefined);
  },
  'keeps every character': async (store) => {
    const value = '{"é":"💧 \\n","x":"\u0001"}';
    await store.set('a', value);
    assert.equal(await store.get('a'), value);
  },
  'keeps values of any size, and lets them shrink again': async (store) => {
    const value = 't'.repeat(20_000);
    await store.set('a', value);
    assert.equal(await store.get('a'), value);
    await store.set('a', 'small');
    assert.equal(await store.get('a'), 'small');
    await store.set('a', value);
    await store.delete('a');
    assert.equal(await store.get('a'), undefined);
  },
};

import { hash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DrawbridgeError } from '../../contract/errors.ts';
import { readIfThere, writeFileAtomic } from '../../engine/files.ts';
import { claudeVariables, codexProfile, KEY_PLACE } from '../env.ts';
import { changeJsonFile, readJsonFile } from '../json-file.ts';
import { changedSince, movedTo, parked, withoutLeftovers, withoutVariables, withVariables, type Put } from './claude-code.ts';

/** What is known of one client: where its settings are, and how ours get in and out. */
export type Writer = {
  file: string;
  caller: string;
  write(to: { origin: string; key: string; model: string | null }, was: readonly Put[]): Put[];
  /**
   * Takes out what was written, and what is ours by the look of it. `left`: what was changed since, and stays. `isNew`: the file was
   * made for it, and goes where nothing is left in it.
   */
  undo(was: readonly Put[], isNew: boolean): { isChanged: boolean; left: string[] };
  changed(was: readonly Put[]): string[];
  move(was: readonly Put[], from: string, to: string): Put[];
  park(was: readonly Put[]): void;
};

/** For Claude Code: variables in its settings. */
export function claudeWriter(file: string): Writer {
  return {
    file,
    caller: 'Claude Code (attached)',
    write({ origin, key, model }, was) {
      const variables =
        model === null
          ? [{ name: 'ANTHROPIC_BASE_URL', value: `${origin}/k/${key}` }]
          : claudeVariables(origin, model).map(({ name, value }) => ({ name, value: value === KEY_PLACE ? key : value }));
      return changeJsonFile(file, (settings) => withVariables(settings, variables, was), true).put;
    },
    undo(was, isNew) {
      const { settings, ...undone } = changeJsonFile(file, (before) => {
        const { settings: own, left } = withoutVariables(before, was);
        const after = withoutLeftovers(own);
        return { settings: after, left, isChanged: after !== before };
      });
      if (isNew && Object.keys(settings).length === 0) rmSync(file, { force: true });
      return undone;
    },
    changed: (was) => changedSince(readJsonFile(file), was),
    move: (was, from, to) => changeJsonFile(file, (settings) => movedTo(settings, was, from, to), true).put,
    park: (was) => void changeJsonFile(file, (settings) => ({ settings: parked(settings, was) }), true),
  };
}

/** A profile of its own (SPEC section 4.1): the CLI's `config.toml`, and the sessions that belong to it, stay as they are. */
export function codexWriter(file: string): Writer {
  const name = path.basename(file);
  const putOf = (text: string): Put[] => [{ name, before: null, hash: hash('sha256', text) }];
  const isThat = (text: string | undefined, was: readonly Put[]): boolean =>
    text !== undefined && was.some((put) => put.hash === hash('sha256', text));
  return {
    file,
    caller: 'Codex CLI (attached)',
    write({ origin, key, model }) {
      const there = readIfThere(file);
      if (there !== undefined && !isAsWritten(there))
        throw new DrawbridgeError(
          'failed',
          `${file} was not written by Drawbridge, or was changed since. Move it away first, then attach; nothing was changed.`,
        );
      const text = profileOf(origin, JSON.stringify(model ?? ''), key);
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      writeFileAtomic(file, text);
      return putOf(text);
    },
    undo(was) {
      const there = readIfThere(file);
      const isOurs = there !== undefined && isAsWritten(there);
      if (isOurs) rmSync(file);
      return { isChanged: isOurs, left: was.length > 0 && there !== undefined && !isOurs ? [name] : [] };
    },
    changed: (was) => (isThat(readIfThere(file), was) ? [] : [name]),
    move(was, from, to) {
      const there = readIfThere(file) ?? '';
      const text = there.replace(`base_url = "${from}/v1"`, `base_url = "${to}/v1"`);
      if (text === there) return [...was];
      writeFileAtomic(file, text);
      return putOf(text);
    },
    // It is asked for by its name alone.
    park() {},
  };
}

const MARKER = '# Written by Drawbridge. "drawbridge detach codex" removes it.';

/** `model` is a string of TOML. */
function profileOf(origin: string, model: string, key: string): string {
  return `${MARKER}\n${codexProfile(origin, model, `experimental_bearer_token = "${key}"`)}`;
}

/** True for such a profile with nothing of anybody else's in it. */
function isAsWritten(text: string): boolean {
  const [, model] = /^model = (".*")$/m.exec(text) ?? [];
  const [, origin] = /^base_url = "(.*)\/v1"$/m.exec(text) ?? [];
  const [, key] = /^experimental_bearer_token = "(.*)"$/m.exec(text) ?? [];
  return model !== undefined && origin !== undefined && key !== undefined && text === profileOf(origin, model, key);
}

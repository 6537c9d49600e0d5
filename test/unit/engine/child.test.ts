import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { runChild } from '../../../bridges/engine/child.ts';

const isPosix = process.platform !== 'win32';
const child = new URL('../../../bridges/engine/child.ts', import.meta.url).href;

/** In a process of its own that holds every file it may. */
it.runIf(isPosix)('a child that the system has no file to spare for is told as such, and ends nobody', () => {
  const script = `import { openSync } from 'node:fs';
    import { startChild } from ${JSON.stringify(child)};
    const none = { env: {}, onOut() {}, onErr() {} };
    await startChild('/bin/sh', ['-c', 'exit'], none).ended;
    try { for (;;) openSync('/dev/null'); } catch {}
    const started = startChild('/bin/sh', ['-c', 'exit'], none);
    started.release();
    started.kill();
    console.log(JSON.stringify(await started.ended));`;
  const { stdout, stderr } = spawnSync('bash', ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ code: null, signal: null, failed: 'spawn /bin/sh EMFILE' });
});

it.runIf(isPosix)('tells what a program said and how it ended', async () => {
  expect(await runChild('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3'], { timeoutMs: 10_000 })).toEqual({
    code: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
});

it.each([
  ['is not there', 'no-such-program-anywhere', []],
  ['is no program, of which the system says so while it is started', '/dev/null/claude', []],
  ['can not be given so much', process.execPath, ['x'.repeat(4 * 1024 * 1024)]],
])('has no code of a program that %s', async (_what, command, args) => {
  expect(await runChild(command, args, { timeoutMs: 10_000 })).toMatchObject({ code: null, stdout: '' });
});

it.runIf(isPosix)('waits no longer than it was told to, whatever the program makes of being asked to end', async () => {
  expect(await runChild('/bin/sh', ['-c', "trap '' TERM; exec sleep 1000"], { timeoutMs: 50 })).toMatchObject({ code: null });
});

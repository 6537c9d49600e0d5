import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const child = new URL('../../../bridges/engine/child.ts', import.meta.url).href;

/** In a process of its own that holds every file it may. */
it.skipIf(process.platform === 'win32')('a child that the system has no file to spare for is told as such, and ends nobody', () => {
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

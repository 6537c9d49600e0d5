#!/usr/bin/env -S node --max-semi-space-size=8 --v8-pool-size=1
// The installed command. It runs on any Node from 20 on, and hands over to Node 24 where this one is older.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

// As in the first line: with many streams open V8 would let its nursery grow by tens of megabytes, and its four helper
// threads would take the serving thread's core from it for a small heap's sake.
const NODE_FLAGS = ['--max-semi-space-size=8', '--v8-pool-size=1'];
const root = path.resolve(import.meta.dirname, '..');
const main = path.join(root, 'dist', 'cli.mjs');
const newer = path.join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

if (!existsSync(main)) {
  console.error('drawbridge: not built yet. Run "npm start" once in the checkout; it builds what is missing.');
  process.exit(1);
} else if (Number(process.versions.node.split('.')[0]) >= 24) {
  module.enableCompileCache(path.join(root, 'node_modules', '.cache', 'drawbridge'));
  await import(pathToFileURL(main).href);
} else if (existsSync(newer)) {
  const child = spawn(newer, [...NODE_FLAGS, import.meta.filename, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal tells both of these; this one waits for the other. An engine may be told twice, a question or an export not.
  const alone = process.argv.slice(2).find((word) => !word.startsWith('-')) === 'start' ? [] : ['SIGINT', 'SIGHUP'];
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      if (!alone.includes(signal)) child.kill(signal);
    });
  child.once('error', (error) => {
    console.error(`drawbridge: ${newer} could not be started: ${error.message}.`);
    process.exit(1);
  });
  child.once('exit', (status) => process.exit(status ?? 1));
} else {
  console.error(`drawbridge: Node ${process.versions.node} is too old. Install Node 24 or newer and run the command again.`);
  process.exit(1);
}

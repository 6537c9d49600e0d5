import type { ClientEnv } from '../../contract/index.ts';
import type { Output } from './output.ts';

/** `drawbridge env <client>`: shell lines a person can paste or eval; everything else is a comment. */
export function showEnv(env: ClientEnv, output: Output): void {
  output.out(`# ${env.label}. Put a key made by "drawbridge keys create NAME" where it says <key>.`);
  for (const variable of env.variables) output.out(`export ${variable.name}='${variable.value}'`);
  for (const file of env.files) {
    output.out(`# Write this to ${file.path}:`);
    for (const line of file.content.trimEnd().split('\n')) output.out(`#   ${line}`.trimEnd());
  }
  output.out(`# Try it: ${env.command}`);
  for (const note of env.notes) output.out(`# ${note}`);
}

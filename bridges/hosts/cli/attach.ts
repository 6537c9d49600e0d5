import { AttachableClient as Attachable } from '../../contract/clients.ts';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { AttachableClient, Attachment, EngineClient } from '../../contract/index.ts';
import { localTime } from '../../engine/clock.ts';
import { table, type Output } from './output.ts';

export const ATTACH_USAGE = `  drawbridge attach [--json]          clients whose settings can be written, and those that are
  drawbridge attach claude-code [--model M] [--json]
  drawbridge attach codex --model M [--json]
                                      with its own account, watched; or with a model of ours
  drawbridge detach claude-code|codex [--json]
                                      takes out what was written, and puts back what stood there`;

type AttachOptions = { json: boolean; output: Output; flags: { model?: string | undefined } };

/** `drawbridge attach`. Resolves with the exit code. */
export async function attach(client: EngineClient, [name]: readonly string[], { json, output, flags }: AttachOptions): Promise<number> {
  if (name === undefined) {
    const known = (await client.clients.list({})).filter(({ attachable }) => attachable.length > 0);
    if (json) output.out(JSON.stringify(known));
    else
      output.out(
        table([['client', 'name', 'attached', 'about'], ...known.map((one) => [one.client, one.label, ...standingOf(one.attachment)])]),
      );
    return 0;
  }
  const { model } = flags;
  const attached = await client.clients.attach({ client: named(name), ...(model === undefined ? {} : { model }) });
  output.out(json ? JSON.stringify(attached) : inWords(attached));
  return 0;
}

/** `drawbridge detach`. Resolves with the exit code. */
export async function detach(client: EngineClient, [name]: readonly string[], { json, output }: AttachOptions): Promise<number> {
  if (name === undefined) throw new DrawbridgeError('bad_input', 'Name the client: drawbridge detach CLIENT');
  const detached = await client.clients.detach({ client: named(name) });
  const { change, file, left } = detached;
  if (json) output.out(JSON.stringify(detached));
  else if (change === 'none') output.out(`${name} is not attached.`);
  else if (left.length === 0) output.out(`What was written is taken out of ${file}, and its key is revoked. Restart sessions that run.`);
  else output.out(`Its key is revoked. ${left.join(', ')} in ${file} was changed since, and was left as it is.`);
  return 0;
}

function named(name: string): AttachableClient {
  const found = Attachable.safeParse(name);
  if (found.success) return found.data;
  throw new DrawbridgeError(
    'bad_input',
    `The settings of "${name}" are written by hand: drawbridge env ${name}. Those that can be attached: ${Attachable.options.join(', ')}.`,
  );
}

function standingOf(attachment: Attachment | null): [string, string] {
  if (attachment === null) return ['no', ''];
  const { since, model, problem } = attachment;
  return [`since ${localTime(since).slice(0, 10)}`, problem ?? (model === null ? 'with its own account' : `with ${model}`)];
}

function inWords({ change, file, model, caller }: Attachment & { change: 'attached' | 'changed' | 'there' }): string {
  const what = model === null ? 'Its own account passes through, and its calls are captured.' : `It uses ${model}.`;
  if (change === 'there') return `It is attached already, in ${file}. ${what}`;
  const how = file.endsWith('drawbridge.config.toml') ? 'Start it with: codex --profile drawbridge' : 'Restart sessions that run.';
  return `Attached in ${file}, as the caller "${caller}". ${what} ${how}`;
}

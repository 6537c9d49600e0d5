import type { EngineClient } from '../../contract/index.ts';
import { table, type Output } from './output.ts';

export const MODELS_USAGE = `  drawbridge models [--json]          what clients can ask for at the companion`;

/** `drawbridge models`. Resolves with the exit code. */
export async function models(client: EngineClient, { json, output }: { json: boolean; output: Output }): Promise<number> {
  const offered = await client.clients.models({});
  output.out(
    json ? JSON.stringify(offered) : table([['model', 'of', 'about'], ...offered.map(({ id, owner, title }) => [id, owner, title])]),
  );
  return 0;
}

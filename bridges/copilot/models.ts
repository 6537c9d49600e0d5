import { z } from 'zod';
import type { WireFormat } from '../contract/index.ts';
import type { CopilotModel } from './source.ts';

const Models = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      name: z.string().nullish(),
      vendor: z.string().nullish(),
      policy: z.object({ state: z.string() }).nullish(),
      supported_endpoints: z.array(z.string()).nullish(),
      capabilities: z.object({ type: z.string().nullish() }).nullish(),
    }),
  ),
});
const WIRES: readonly [string, WireFormat][] = [
  ['/v1/messages', 'messages'],
  ['/responses', 'responses'],
  ['/chat/completions', 'chat'],
];

/** The models an account may use, each with the wire formats it takes natively (SPEC 5.2). Pure. */
export function readModels(body: unknown): readonly CopilotModel[] {
  const list = Models.safeParse(body);
  if (!list.success) return [];
  return list.data.data
    .filter((model) => (model.policy?.state ?? 'enabled') === 'enabled' && (model.capabilities?.type ?? 'chat') === 'chat')
    .map((model) => {
      const wires = WIRES.filter(([endpoint]) => model.supported_endpoints?.includes(endpoint) === true).map(([, wire]) => wire);
      return {
        id: model.id,
        title: model.name ?? model.id,
        owner: (model.vendor ?? 'github').toLowerCase(),
        wires: wires.length === 0 ? ['chat'] : wires,
      };
    });
}

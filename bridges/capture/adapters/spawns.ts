import type { Adapter } from './adapter.ts';

/** The tools by which replies ask for sub-tasks. */
export type Spawns = {
  /** In which field of its input a tool, by its name, is told the prompt. */
  fields: ReadonlyMap<string, string>;
  /** Their names as they stand in a reply, in quotes and without a namespace. */
  quoted: readonly string[];
};

export function spawnsOf(adapters: readonly Adapter[]): Spawns {
  const fields = new Map(adapters.flatMap(({ spawns = [] }) => spawns.map(({ tool, prompt }) => [tool, prompt])));
  return { fields, quoted: [...fields.keys()].map((tool) => `"${tool.split('.').at(-1) ?? tool}"`) };
}

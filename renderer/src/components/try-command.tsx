import type { Listener } from '../../../bridges/contract/index.ts';
import { CodeBlock } from './code-block.tsx';

/** The shortest command that makes a call: a client key, the companion's address, the practice model. */
export function TryCommand({ listeners }: { listeners: readonly Listener[] }) {
  const companion = listeners.find((listener) => listener.name === 'companion');
  if (companion?.state !== 'listening' || companion.address === null) {
    return <p className="text-warn">The companion does not listen, so nothing can arrive. The overview says why.</p>;
  }
  const command = [
    `curl http://${companion.address}/v1/chat/completions \\`,
    `  -H 'authorization: Bearer <key>' \\`,
    `  -H 'content-type: application/json' \\`,
    `  -d '{"model":"practice/echo","messages":[{"role":"user","content":"Hello"}]}'`,
  ].join('\n');
  return <CodeBlock text={command} label="command that makes a call" />;
}

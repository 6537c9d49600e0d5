import type { ReadStream, WriteStream } from 'node:tty';

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

/** Reads a secret: unseen from a terminal, up to Enter; else everything that is piped in. */
export async function readSecret(question: string, input: ReadStream, screen: WriteStream): Promise<string> {
  if (!input.isTTY) {
    let piped = '';
    for await (const chunk of input.setEncoding('utf8')) piped += String(chunk);
    return piped;
  }
  // First: what is typed once the question stands there is seen by nobody.
  input.setRawMode(true);
  screen.write(question);
  try {
    return await typed(input);
  } finally {
    input.setRawMode(false);
    input.pause();
    screen.write('\n');
  }
}

function typed(input: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      for (const key of chunk.toString('utf8')) {
        if (key === '\r' || key === '\n' || key === CTRL_D) return finish(() => resolve(text));
        if (key === CTRL_C) return finish(() => reject(new Error('Nothing was typed.')));
        text = key === '\u007f' || key === '\b' ? text.slice(0, -1) : text + key;
      }
    };
    const finish = (settle: () => void): void => {
      input.off('data', onData);
      settle();
    };
    input.on('data', onData);
    // Who asked before this left it paused.
    input.resume();
  });
}

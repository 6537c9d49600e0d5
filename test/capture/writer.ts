import { Store } from '../../bridges/capture/store.ts';
import { callRow, conversationOf } from './rows.ts';

/** Writes calls to a store until it is killed, telling each on stdout once it is committed. Arguments: file, first id. */
const [file = '', first = '1'] = process.argv.slice(2);
const { store } = Store.open(file, 0);
const bodies = conversationOf(12);
for (let id = Number(first); ; id += 1) {
  store.transaction(() =>
    store.write({
      call: callRow(id),
      ends: true,
      sides: [
        { side: 'clientRequest', headers: '[["x-a","b"]]', body: bodies[id % bodies.length] ?? Buffer.alloc(0) },
        { side: 'clientReply', headers: '[]', body: Buffer.from(`reply ${id}`) },
      ],
    }),
  );
  process.stdout.write(`${id}\n`);
}

import { Meaning } from '../../bridges/capture/meaning.ts';
import { NO_PLACES } from '../../bridges/capture/places.ts';
import { Store } from '../../bridges/capture/store.ts';
import { callRow, conversationOf } from './rows.ts';

/** Writes calls to a store until it is killed, telling each on stdout once it is committed. Arguments: file, first id. */
const [file = '', first = '1'] = process.argv.slice(2);
const meaning = new Meaning(NO_PLACES, (warning) => process.stderr.write(`${warning}\n`));
const { store } = Store.open(file, 0, { followers: [meaning.follow] });
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

import { expect, it } from 'vitest';
import { pageHead } from '../../../bridges/capture/export/page.ts';
import { madeConversations } from '../../fakes/made-meaning.ts';

const [conversation] = madeConversations(0);

it.each([
  [3, false, '· 3 calls ·'],
  [3, true, '· the first 3 of 25000 calls ·'],
])('a page of %d calls of a conversation, where there are more: %s', (shown, more, words) => {
  if (conversation === undefined) throw new Error('no conversation was made up');
  expect(pageHead({ ...conversation, calls: 25_000 }, { shown, more })).toContain(words);
});

import { expect, it } from 'vitest';
import { createTrouble } from '../../bridges/tunnels/trouble.ts';

const MINUTE = 60_000;

it('a tunnel that came back and is down again is not said to be back', () => {
  let now = 0;
  const clock = { now: () => now, monotonic: () => now };
  const trouble = createTrouble({ tunnel: 'lab', clock, noticeAfterMs: MINUTE, onChange: () => {} });
  const titles = () => trouble.notices({ reason: null, mend: null }).map(({ title }) => title);
  trouble.on('up');
  trouble.on('down');
  now += MINUTE;
  expect(titles()).toEqual(['The tunnel lab is down']);
  trouble.on('up');
  expect(titles()).toEqual(['The tunnel lab is back up']);
  trouble.on('down');
  expect(titles()).toEqual([]);
  trouble.on('up');
  expect(titles()).toEqual([]);
  trouble.stop();
});

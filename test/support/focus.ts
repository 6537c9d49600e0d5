import type { Locator, Page } from 'playwright-core';

/** What a walk over a page by Tab found, in words: each stop by its name, or by its role where it has none. */
export type FocusWalk = {
  /** What Tab has to reach, in the order of the document. */
  expected: string[];
  /** What it did reach. A box that scrolls and holds nothing to reach is one as well, and left out. */
  reached: string[];
  /** The same by Shift+Tab, turned round. */
  back: string[];
  /** Stops that look alike with and without the focus. */
  unmarked: string[];
  /** What can be pressed, and is neither a stop nor part of one. */
  unreachable: string[];
};

/** More stops than any page has: who presses Tab as often as this is trapped. */
const MOST_STOPS = 250;

/** Runs in the page. A focus ring is an outline, a shadow or a border of its own, or of the active part of a composite or the head of a grid. */
const WATCH = `(() => {
  const PRESSED = 'a[href], button, input, select, textarea, summary, [role=button], [role=link], [role=checkbox], [role=switch], [role=tab], [role=radio], [role=option], [role=menuitem], [role=treeitem]';
  const COMPOSITES = '[role=tablist], [role=listbox], [role=grid], [role=tree], [role=menu], [role=radiogroup], [data-arrows]';
  const isOff = (it) => it.matches(':disabled') || it.getAttribute('aria-disabled') === 'true';
  const isShown = (it) => it.checkVisibility({ visibilityProperty: true }) && it.closest('[inert], [aria-hidden=true]') === null && !isOff(it);
  // Of the radio buttons of a group, Tab stops at the one that is chosen; arrows reach the others.
  const isOfGroup = (it) => it.type === 'radio' && !it.checked && document.querySelector('input[type=radio][name="' + it.name + '"]:checked') !== null;
  const isStop = (it) => it.tabIndex >= 0 && isShown(it) && !isOfGroup(it);
  const named = (it) => (it.getAttribute('aria-label') ?? it.labels?.[0]?.textContent ?? it.textContent).trim().replace(/\\s+/g, ' ').slice(0, 60) || it.getAttribute('role') || it.tagName;
  const all = [...document.querySelectorAll(PRESSED + ', [tabindex]')];
  const expected = all.filter(isStop);
  const isPartOfStop = (it) => it.closest(COMPOSITES) !== null || isOfGroup(it) || it.type === 'file';
  const unreachable = all.filter((it) => it.matches(PRESSED) && it.tabIndex < 0 && isShown(it) && !isPartOfStop(it));
  const lookOf = (it) => {
    const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor } = getComputedStyle(it);
    return [outlineStyle === 'none' ? '' : outlineStyle + outlineWidth + outlineColor, boxShadow, borderColor].join(' ');
  };
  const partsOf = (it) => {
    const active = it.getAttribute('aria-activedescendant');
    const head = it.role === 'grid' ? it.querySelector('[role=row]') : null;
    return [it, head, active === null ? null : document.getElementById(active)].filter((part) => part !== null);
  };
  const stops = [];
  const marked = new Set();
  let last = null;
  document.addEventListener('focusin', ({ target }) => {
    const settle = () => {
      if (last !== null && last.parts.some((part, at) => part !== target && lookOf(part) !== last.looks[at])) marked.add(last.target);
    };
    settle();
    const parts = partsOf(target);
    last = { target, parts, looks: parts.map(lookOf) };
    stops.push(target);
  });
  document.addEventListener('focusout', ({ relatedTarget }) => {
    if (relatedTarget === null && last !== null) queueMicrotask(() => {
      if (last.parts.some((part, at) => lookOf(part) !== last.looks[at])) marked.add(last.target);
    });
  });
  const isStray = (it) => !expected.includes(it);
  const isScroller = (it) => it.scrollHeight > it.clientHeight || it.scrollWidth > it.clientWidth;
  window.focusWalk = {
    isOver: (from) => document.activeElement === document.body || (stops.length > from + 1 && stops.at(-1) === stops[from]),
    count: () => stops.length,
    told: (from, to) => stops.slice(from, to).filter((it) => !(isStray(it) && isScroller(it))).map((it) => (isStray(it) ? 'stray: ' : '') + named(it)),
    found: () => ({
      expected: expected.map(named),
      unmarked: [...new Set(stops)].filter((it) => !marked.has(it)).map(named),
      unreachable: unreachable.map(named),
    }),
  };
})()`;

/** Walks over the page that was just loaded, by Tab to its end and by Shift+Tab back. */
export async function walkFocus(page: Page): Promise<FocusWalk> {
  await page.evaluate(WATCH);
  // A page may have taken the focus; the walk begins above everything.
  await page.evaluate("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')");
  const walk = async (key: string): Promise<string[]> => {
    const from = await page.evaluate<number>('focusWalk.count()');
    for (let at = 0; at < MOST_STOPS; at += 1) {
      await page.keyboard.press(key);
      if (await page.evaluate<boolean>(`focusWalk.isOver(${from})`)) {
        const isRound = await page.evaluate<boolean>('document.activeElement !== document.body');
        return page.evaluate<string[]>(`focusWalk.told(${from}, ${isRound ? -1 : undefined})`);
      }
    }
    throw new Error(`${key} finds no end`);
  };
  const reached = await walk('Tab');
  const back = await walk('Shift+Tab');
  const found = await page.evaluate<Omit<FocusWalk, 'reached' | 'back'>>('focusWalk.found()');
  return { ...found, reached, back: back.toReversed() };
}

/** Presses Tab, or Shift+Tab, until this has the focus. */
export async function tabTo(target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await target.waitFor();
  for (let at = 0; at < MOST_STOPS; at += 1) {
    if (await hasFocus(target)) return;
    await target.page().keyboard.press(key);
  }
  throw new Error(`${key} does not reach ${target.toString()}`);
}

export function hasFocus(target: Locator): Promise<boolean> {
  return target.evaluate((it) => it === it.ownerDocument.activeElement);
}

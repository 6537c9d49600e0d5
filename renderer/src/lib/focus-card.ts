/** Brings a card of this page into sight, and the keyboard to its first control. */
export function focusCard(title: string): void {
  const heading = [...document.querySelectorAll('h2')].find(({ textContent }) => textContent === title);
  const card = heading?.closest('section');
  card?.scrollIntoView({ block: 'nearest' });
  card?.querySelector<HTMLElement>('input, button, [role="switch"]')?.focus();
}

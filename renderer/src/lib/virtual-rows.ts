import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';

/** Lays out only the rows that are in sight. `measured` rows tell their own height. */
export function useVirtualRows(options: {
  count: number;
  getScrollElement: () => HTMLElement | null;
  rowHeight: number;
  /** Pixels above the first row, inside of what scrolls. */
  above?: number;
  overscan?: number;
}): Virtualizer<HTMLElement, Element> {
  const { count, getScrollElement, rowHeight, above = 0, overscan = 10 } = options;
  // The rule warns that the React Compiler skips such a component. The compiler is not used here.
  // oxlint-disable-next-line react/incompatible-library
  return useVirtualizer({
    count,
    getScrollElement,
    estimateSize: () => rowHeight,
    scrollMargin: above,
    scrollPaddingStart: above,
    overscan,
  });
}

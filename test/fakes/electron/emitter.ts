import { EventEmitter } from 'node:events';

/** The listener methods of an Electron class, with its own events; and `emit`, which only the fake uses. */
type Emits<T> = Pick<T, Extract<'on' | 'once' | 'off' | 'addListener' | 'removeListener', keyof T>> & {
  emit(event: string, ...args: unknown[]): boolean;
};

/** A base class that emits an Electron class' events. */
export const emitterOf = <T>(): new () => Emits<T> => EventEmitter as unknown as new () => Emits<T>;

/** An event that can be prevented. */
export function preventable<T extends object>(details: T): T & { preventDefault(): void; readonly defaultPrevented: boolean } {
  let prevented = false;
  return Object.defineProperty(
    Object.assign(details, {
      preventDefault: () => {
        prevented = true;
      },
    }),
    'defaultPrevented',
    { get: () => prevented },
  ) as T & { preventDefault(): void; readonly defaultPrevented: boolean };
}

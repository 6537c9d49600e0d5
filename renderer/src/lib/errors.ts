import { ORPCError } from '@orpc/client';

/** The sentence that tells a person what went wrong. */
export function causeOf(error: unknown): string {
  if (error instanceof ORPCError) return error.message;
  // A failed fetch is a TypeError whose words differ between browsers and help nobody.
  if (error instanceof TypeError) return 'The engine did not answer. It may be starting, or it has stopped.';
  return error instanceof Error ? error.message : 'Something failed without saying why.';
}

/** True where the engine says that the thing asked for does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ORPCError && String(error.code).toLowerCase() === 'not_found';
}

import { type Environment, named } from './environment.ts';

/**
 * Who answers for an installer, as a deb has to say: told by DRAWBRIDGE_HOMEPAGE and DRAWBRIDGE_MAINTAINER
 * ("Name <address>"). Where nobody is told, the package says so itself, under a name that can lead nowhere (RFC 6761). Pure.
 */
export function publisherFrom(env: Environment): { homepage: string; maintainer: string } {
  const publisher = named(env, 'publish', ['DRAWBRIDGE_HOMEPAGE', 'DRAWBRIDGE_MAINTAINER']);
  return publisher === null
    ? { homepage: 'https://not-published.invalid', maintainer: 'Nobody (not published) <nobody@not-published.invalid>' }
    : { homepage: publisher[0], maintainer: publisher[1] };
}

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { PLACES } from './places.ts';

/** A way to a page of the navigation. Where this window has no such page, `or` stands instead. */
export function PlaceLink({
  to,
  hash,
  className,
  or = null,
  children,
}: {
  to: string;
  hash?: string | undefined;
  className?: string;
  or?: ReactNode;
  children: ReactNode;
}) {
  const place = PLACES.find((known) => known.to === to);
  if (!place) return or;
  return (
    <Link to={place.to} {...(hash !== undefined && { hash })} className={className}>
      {children}
    </Link>
  );
}

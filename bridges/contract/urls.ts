import { z } from 'zod';

/** An address that may be called: https, or http on loopback for stand-ins and local servers. */
export const callableUrl = z
  // What is no URL at all ends here: the checks below take it apart.
  .url({ abort: true, error: 'must be a whole address, beginning with https://' })
  .refine((value) => {
    const url = new URL(value);
    return url.protocol === 'https:' || (url.protocol === 'http:' && ['127.0.0.1', '[::1]'].includes(url.hostname));
  }, 'must be https, or http on 127.0.0.1')
  .refine((value) => new URL(value).username === '' && new URL(value).password === '', 'must not hold a user name or password');

/** The same that paths are put after. */
export const baseUrl = callableUrl.refine(
  (value) => new URL(value).search === '' && new URL(value).hash === '',
  'must not hold a query or fragment',
);

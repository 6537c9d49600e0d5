/** A request as it can be made again, by hand. */
export type PlainRequest = {
  method: string;
  /** Origin and path. */
  url: string;
  headers: readonly (readonly [string, string])[];
  /** Null where there is none, or where it is no text. */
  body: string | null;
};

export const CODE_FORMS = [
  { id: 'curl', label: 'curl' },
  { id: 'fetch', label: 'JavaScript (fetch)' },
  { id: 'python', label: 'Python' },
] as const;
export type CodeForm = (typeof CODE_FORMS)[number]['id'];

/** What stands where the client key goes. */
const KEY = '<key>';
const REDACTED = '[redacted]';
/** Headers that belong to a connection or are reckoned by whoever sends. */
const OWN =
  /^(?:host|connection|keep-alive|transfer-encoding|content-length|content-encoding|x-drawbridge-decoded|accept-encoding|expect|te|upgrade|cookie)$/i;

/** The request as a program or a command that makes it again. A secret's place is held by `<key>`. */
export function asCode(form: CodeForm, request: PlainRequest): string {
  const plain = {
    ...request,
    url: withKey(request.url),
    headers: request.headers.filter(([name]) => !OWN.test(name)).map(([name, value]) => [name, withKey(value)] as const),
  };
  switch (form) {
    case 'curl':
      return curl(plain);
    case 'fetch':
      return fetchCall(plain);
    case 'python':
      return python(plain);
  }
}

function curl({ method, url, headers, body }: PlainRequest): string {
  return [
    `curl ${shell(url)}`,
    ...(method === (body === null ? 'GET' : 'POST') ? [] : [`-X ${shell(method)}`]),
    ...headers.map(([name, value]) => `-H ${shell(`${name}: ${value}`)}`),
    ...(body === null ? [] : [`--data-raw ${shell(body)}`]),
  ].join(' \\\n  ');
}

function fetchCall({ method, url, headers, body }: PlainRequest): string {
  const fields = [
    `  method: ${JSON.stringify(method)},`,
    `  headers: [\n${headers.map(([name, value]) => `    [${JSON.stringify(name)}, ${JSON.stringify(value)}],\n`).join('')}  ],`,
    ...(body === null ? [] : [`  body: ${JSON.stringify(body)},`]),
  ];
  return `const reply = await fetch(${JSON.stringify(url)}, {\n${fields.join('\n')}\n});\nconsole.log(reply.status, await reply.text());\n`;
}

function python({ method, url, headers, body }: PlainRequest): string {
  const pairs = headers.map(([name, value]) => `        ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`).join('');
  const data = body === null ? '' : `    data=${JSON.stringify(body)}.encode(),\n`;
  return `from urllib.request import Request, urlopen

request = Request(
    ${JSON.stringify(url)},
    method=${JSON.stringify(method)},
    headers={
${pairs}    },
${data})
with urlopen(request) as reply:
    print(reply.status, reply.read().decode())
`;
}

function withKey(text: string): string {
  return text.replaceAll(REDACTED, KEY);
}

/** In single quotes nothing means anything to a POSIX shell, but the quote itself. */
function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

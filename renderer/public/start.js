// Runs before the first paint, so that a chosen theme never flashes the other one.
try {
  const theme = localStorage.getItem('drawbridge.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's theme holds then.
}

// The page's own code is asked for together with the frame's.
{
  const noted = document.querySelector('meta[name="page-files"]')?.content;
  for (const href of (noted && JSON.parse(noted)[location.pathname.split('/')[1]]) || []) {
    document.head.append(Object.assign(document.createElement('link'), { rel: 'modulepreload', href, crossOrigin: '' }));
  }
}

// So are the first rows of the calls page, where nothing filters them. The desktop shell has a way of its own.
if (/^\/calls(\/|$)/.test(location.pathname) && location.search === '' && window.drawbridge === undefined) {
  // What lib/early-calls.ts asks for.
  const body = JSON.stringify({ json: { limit: 100, filter: {} } });
  const response = fetch('/rpc/calls/list', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  response.catch(() => undefined);
  window.firstCalls = { body, response };
}

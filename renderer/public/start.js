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

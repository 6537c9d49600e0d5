import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { startEarly } from './early.ts';
import { startLive } from './lib/live.ts';
import { startShortcuts } from './lib/shortcuts.ts';
import './styles.css';

startEarly(location);
startLive();
startShortcuts();

const root = document.getElementById('root');
if (!root) throw new Error('index.html holds no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

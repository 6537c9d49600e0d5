export { CallsPage } from './calls-page.tsx';
export { CallDetailPane } from './detail/detail-pane.tsx';

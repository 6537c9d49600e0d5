export { CallDetailPane } from './detail-pane.tsx';

export { AgainDialog, CompareDialog } from './again-dialog.tsx';

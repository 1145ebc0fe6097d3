export { observe, type Observed, type ObserveOptions } from './observe.ts';
export { withTrace } from './trace.ts';

export { admin, type Admin } from './admin.ts';
export { control, type Control } from './control.ts';
export type { AdminOptions } from './options.ts';
export { serve, type ServeOptions, type Serving } from './serve.ts';

// As compilers write `export default` for CommonJS.
Object.defineProperty(exports, '__esModule', { value: true });
exports.default = (payload: unknown) => ({ compiled: payload });

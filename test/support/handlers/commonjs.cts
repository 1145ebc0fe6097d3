module.exports = (payload: unknown) => ({ commonjs: payload });

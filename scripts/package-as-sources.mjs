/** @type {import('node:module').ResolveHook} */
export function resolve(specifier, context, next) {
  const match = /^vmdk-driver(\/\w+)?$/.exec(specifier);
  return next(match === null ? specifier : new URL(`../src${match[1] ?? ''}/index.ts`, import.meta.url).href, context);
}

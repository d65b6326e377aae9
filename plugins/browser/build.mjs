/**
 * Makes the npm package: transpiles the cores with jco, makes types of WIT and of the source, bundles the modules, and puts
 * everything into a folder.
 *
 * Usage: node build.mjs CORES OUT, where CORES has full.wasm and token.wasm.
 */

import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { generateHostTypes, transpile } from '@bytecodealliance/jco-transpile';
import { _addPreopen } from '@bytecodealliance/preview2-shim/filesystem';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const generated = join(here, 'generated');
const build = join(here, 'build');
const [cores, out] = process.argv.slice(2);
if (!out) throw new Error('usage: node build.mjs CORES OUT');

/** What the compiler's modules have; without these wasm-opt would refuse them. */
const FEATURES = ['bulk-memory', 'sign-ext', 'mutable-globals', 'nontrapping-float-to-int', 'reference-types', 'multivalue'];

await rm(generated, { recursive: true, force: true });
await rm(build, { recursive: true, force: true });
await mkdir(build, { recursive: true });

for (const name of ['full', 'token']) {
  const folder = join(generated, name);
  const { files, imports } = await transpile(join(cores, `${name}.wasm`), {
    name: 'component',
    outDir: folder,
    instantiation: 'sync',
    noComponentErrorWrapping: true,
    nodejsCompat: false,
    wasiShim: false,
    optimize: true,
    optimizeOptions: { quiet: true, optArgs: ['-Oz', '--strip-debug', '--strip-producers', ...FEATURES.map((one) => `--enable-${one}`)] },
  });
  if (imports.length > 0) throw new Error(`a core imports nothing, and this one ${imports.join(', ')}`);
  const modules = Object.keys(files).filter((file) => file.endsWith('.wasm'));
  if (modules.length !== 1) throw new Error(`one core module was expected, and there are ${modules.length}`);
  for (const [file, content] of Object.entries(files)) {
    const path = join(folder, relative(folder, file));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  const core = join(build, `${name}.core`);
  await rename(join(folder, 'component.core.wasm'), core);
  execFileSync('zstd', ['--quiet', '--force', '--ultra', '-22', core, '-o', `${core}.zst`]);
}

// Types of WIT: its packages, each in a folder of `deps`, with the worlds on top, as the tool wants them.
const wit = join(build, 'wit');
await cp(join(root, 'wit'), join(wit, 'deps'), { recursive: true });
await rename(join(wit, 'deps/component/worlds.wit'), join(wit, 'worlds.wit'));
await rm(join(wit, 'deps/component'), { recursive: true });
_addPreopen('/', '/');
const types = await generateHostTypes(wit, { name: 'wit', worldName: 'full' });
for (const [file, content] of Object.entries(types)) {
  if (!file.startsWith('interfaces/')) continue;
  const path = join(generated, 'wit', file);
  await mkdir(dirname(path), { recursive: true });
  // Resources are the component's; no page holds one, and not every configuration of TypeScript has the names.
  const text = new TextDecoder().decode(content).replaceAll(' implements Disposable', '').replace(/^ *\[Symbol\.dispose\].*\n/gm, '');
  await writeFile(path, text);
}

execFileSync(join(here, 'node_modules/.bin/tsc'), ['-p', here, '--emitDeclarationOnly'], { stdio: 'inherit' });

const common = { bundle: true, format: 'esm', target: 'es2022', legalComments: 'none', logLevel: 'warning' };
const source = (name) => join(here, 'src', name);
const modules = join(build, 'modules');
// What a page loads is small; names stay readable in what developers step through.
await esbuild.build({
  ...common,
  entryPoints: { 'worker-full': source('worker/full.ts'), 'worker-token': source('worker/token.ts') },
  outdir: modules,
  minify: true,
});
await esbuild.build({
  ...common,
  entryPoints: { index: source('index.ts'), token: source('token.ts') },
  outdir: modules,
  splitting: true,
  chunkNames: 'common-[hash]',
});
await esbuild.build({
  ...common,
  platform: 'node',
  entryPoints: {
    'index.node': source('index.ts'),
    'token.node': source('token.ts'),
    'worker-node': source('worker/node.ts'),
  },
  outdir: modules,
  splitting: true,
  chunkNames: 'common-[hash].node',
});

// The folder is made whole and then put in its place.
const made = `${out}.new`;
await rm(made, { recursive: true, force: true });
await mkdir(made, { recursive: true });
await cp(modules, made, { recursive: true });
for (const name of ['full', 'token']) await cp(join(build, `${name}.core.zst`), join(made, `${name}.core.zst`));
await cp(join(build, 'types/src'), join(made, 'types/src'), { recursive: true });
await cp(join(generated, 'wit'), join(made, 'types/generated/wit'), { recursive: true });
// The workers' own are nobody's to import.
for (const file of await readdir(join(made, 'types/src/worker'))) {
  if (file !== 'protocol.d.ts') await rm(join(made, 'types/src/worker', file));
}
for (const name of ['index', 'token']) {
  await writeFile(join(made, `${name}.d.ts`), `export * from './types/src/${name}.js';\n`);
}
for (const file of ['LICENSE-MIT', 'LICENSE-APACHE']) await cp(join(root, file), join(made, file));
await cp(join(here, 'README.md'), join(made, 'README.md'));
const { devDependencies, scripts, imports, ...manifest } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8'));
await writeFile(join(made, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
await rm(out, { recursive: true, force: true });
await mkdir(dirname(out), { recursive: true });
await rename(made, out);
console.log(`building ${relative(process.cwd(), out)}: done`);

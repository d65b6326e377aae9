package component

import (
	"context"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
)

// memoryPages bounds an instance's memory, in pages of 64 KiB: 256 MiB, as in every other host.
const memoryPages = 4096

// Runtime is a component that was compiled once and is instantiated many times.
type Runtime struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
}

// Load compiles a component. That takes about a second; cacheDir, where it is not empty, is a folder in which the result is
// kept for the next start.
func Load(ctx context.Context, component []byte, cacheDir string) (*Runtime, error) {
	core, err := coreModule(component)
	if err != nil {
		return nil, err
	}
	core, err = stoppable(core)
	if err != nil {
		return nil, err
	}
	config := wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(memoryPages)
	if cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
		if err != nil {
			return nil, fmt.Errorf("the folder for compiled components: %w", err)
		}
		config = config.WithCompilationCache(cache)
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	module, err := runtime.CompileModule(ctx, core)
	if err == nil {
		err = refuseImports(ctx, runtime, module)
	}
	if err != nil {
		_ = runtime.Close(ctx)
		return nil, err
	}
	return &Runtime{runtime, module}, nil
}

// Close ends every instance.
func (r *Runtime) Close(ctx context.Context) error { return r.runtime.Close(ctx) }

// refuseImports sees that a module wants nothing of its host. What a component of ours imports from itself are the intrinsics of its
// resources; the interface that is called has none, so they are never called, and fail where they are.
func refuseImports(ctx context.Context, runtime wazero.Runtime, module wazero.CompiledModule) error {
	hosts := map[string]wazero.HostModuleBuilder{}
	for _, function := range module.ImportedFunctions() {
		from, name, _ := function.Import()
		if !strings.HasPrefix(from, "[export]portcullis:") || !strings.HasPrefix(name, "[resource-") {
			return fmt.Errorf("the component imports %s from %s: a Portcullis component imports nothing", name, from)
		}
		if hosts[from] == nil {
			hosts[from] = runtime.NewHostModuleBuilder(from)
		}
		unused := func() { panic("a resource where there is none: " + name) }
		builder := hosts[from].NewFunctionBuilder()
		if len(function.ResultTypes()) > 0 {
			builder = builder.WithFunc(func(context.Context, uint32) uint32 { unused(); return 0 })
		} else {
			builder = builder.WithFunc(func(context.Context, uint32) { unused() })
		}
		builder.Export(name)
	}
	for _, host := range hosts {
		if _, err := host.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

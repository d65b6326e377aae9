package component

import (
	"context"
	"errors"
	"fmt"
)

// checkPolicy is the function that reads a policy as its author wrote it, and its formats.
const (
	checkPolicy = "portcullis:gate/policy@0.2.0#check"
	formatTOML  = 0
	formatJSON  = 1
)

// Report is what there is to say of a policy.
type Report struct {
	// Good says that nothing is wrong with it.
	Good bool
	// Rendered is what is wrong, and what its author should know, each with its line and remedy. Empty where there is nothing.
	Rendered string
}

// CheckPolicy reads a policy in TOML, or in JSON, and tells what is wrong with it. file is what Rendered calls the text. The error says
// that nobody knows, as of Answer.
func (i *Instance) CheckPolicy(ctx context.Context, policy []byte, json bool, file string) (Report, error) {
	check, end := i.module.ExportedFunction(checkPolicy), i.module.ExportedFunction("cabi_post_"+checkPolicy)
	if check == nil || end == nil {
		return Report{}, fmt.Errorf("the component does not export %s", checkPolicy)
	}
	if i.broken {
		return Report{}, errors.New("the instance failed before")
	}
	if len(policy) > MaxRequest {
		return Report{}, ErrTooLong
	}
	watched := i.watch(ctx)
	defer watched()
	// Whatever goes wrong in between is the component's.
	i.broken = true
	text, err := i.lower(ctx, policy)
	if err != nil {
		return Report{}, err
	}
	name, err := i.lower(ctx, []byte(file))
	if err != nil {
		return Report{}, err
	}
	format := uint64(formatTOML)
	if json {
		format = formatJSON
	}
	returned, err := check.Call(ctx, text, uint64(len(policy)), format, name, uint64(len(file)))
	if err != nil {
		return Report{}, err
	}
	// A record of three lists: errors, warnings, and the text.
	place := uint32(returned[0])
	wrong, there := i.memory.ReadUint32Le(place + 4)
	rendered, err := i.lift(place + 16)
	if err != nil || !there {
		return Report{}, errBeyond
	}
	if _, err := end.Call(ctx, uint64(place)); err != nil {
		return Report{}, err
	}
	i.broken = false
	return Report{wrong == 0, string(rendered)}, nil
}

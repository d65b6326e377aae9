package component

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// stopExport is the name of the global that ends a call where it is not zero.
const stopExport = "portcullis:stop"

// turns is after how many functions and turns of loops compiled code comes back to Go: about every millisecond. Its last seven bits
// above zero are below 64, so that it is the same number with and without a sign (LEB128).
const turns = 1 << 18

// Numbers of sections of a core module, and of what is imported (WebAssembly Core, 5.5).
const (
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionGlobal   = 6
	sectionExport   = 7
	sectionCode     = 10

	importFunction = 0
	importTable    = 1
	importMemory   = 2
	importGlobal   = 3
)

// stoppable lets a call of a core module be ended. Every turn of a loop and every function that calls another counts down a global, and at zero a function
// that is added goes back to Go (by growing memory by nothing), and traps where the global that is exported as stopExport is
// not zero.
//
// Going back to Go is what lets a deadline come at all: while compiled code runs, the garbage collector cannot stop the world, and
// while it waits for that no timer fires. wazero's own way (WithCloseOnContextDone) goes back in every turn of a loop, which makes
// calls of the gate nearly three times as long.
//
// The module was compiled by us and is validated by wazero afterwards; what is not understood here is an error.
func stoppable(core []byte) ([]byte, error) {
	if len(core) < 8 || string(core[:4]) != "\x00asm" {
		return nil, errors.New("this is no core module")
	}
	in := reader{bytes: core, at: 8}
	out := append(make([]byte, 0, len(core)+len(core)/4), core[:8]...)
	var types, functions, globals uint64
	var found [sectionCode + 1]bool
	for in.more() && in.err == nil {
		section := in.byte()
		content := in.take(in.uint())
		if int(section) < len(found) {
			found[section] = true
		}
		part := reader{bytes: content}
		switch section {
		case sectionType:
			types = part.uint()
			// Neither parameters nor results.
			content = append(appended(types+1, part.rest()), 0x60, 0, 0)
		case sectionImport:
			functions, globals = part.imported()
		case sectionFunction:
			count := part.uint()
			content = binary.AppendUvarint(appended(count+1, part.rest()), types)
			functions += count
		case sectionGlobal:
			count := part.uint()
			content = appended(count+2, part.rest())
			for _, first := range []uint64{turns, 0} {
				// i32, mutable.
				content = append(binary.AppendUvarint(append(content, 0x7f, 1, 0x41), first), 0x0b)
			}
			globals += count
		case sectionExport:
			count := part.uint()
			content = append(appended(count+1, part.rest()), byte(len(stopExport)))
			content = append(append(content, stopExport...), importGlobal)
			content = binary.AppendUvarint(content, globals+1)
		case sectionCode:
			count := part.uint()
			content = binary.AppendUvarint(nil, count+1)
			check := countDown(globals, functions)
			for range count {
				body := reader{bytes: part.take(part.uint())}
				counting := body.counting(check)
				if body.err != nil {
					return nil, body.err
				}
				content = append(binary.AppendUvarint(content, uint64(len(counting))), counting...)
			}
			comeBack := backToGo(globals)
			content = append(binary.AppendUvarint(content, uint64(len(comeBack))), comeBack...)
		}
		if part.err != nil {
			return nil, part.err
		}
		out = append(out, section)
		out = binary.AppendUvarint(out, uint64(len(content)))
		out = append(out, content...)
	}
	if in.err != nil {
		return nil, in.err
	}
	for _, section := range []int{sectionType, sectionFunction, sectionGlobal, sectionExport, sectionCode} {
		if !found[section] {
			return nil, fmt.Errorf("the core module has no section %d", section)
		}
	}
	return out, nil
}

// countDown counts a global down, and calls a function at zero.
func countDown(left, function uint64) []byte {
	code := binary.AppendUvarint([]byte{0x23}, left)                            // global.get
	code = binary.AppendUvarint(append(code, 0x41, 1, 0x6b, 0x24), left)        // i32.const 1, i32.sub, global.set
	code = binary.AppendUvarint(append(code, 0x23), left)                       // global.get
	code = binary.AppendUvarint(append(code, 0x45, 0x04, 0x40, 0x10), function) // i32.eqz, if, call
	return append(code, 0x0b)
}

// backToGo is the body of the function that goes back to Go and traps where the global after the one that counts is not zero.
func backToGo(left uint64) []byte {
	code := binary.AppendUvarint([]byte{0, 0x41}, turns)                            // no locals; i32.const
	code = binary.AppendUvarint(append(code, 0x24), left)                           // global.set
	code = append(code, 0x41, 0, 0x40, 0, 0x1a, 0x23)                               // i32.const 0, memory.grow, drop
	code = append(binary.AppendUvarint(code, left+1), 0x04, 0x40, 0x00, 0x0b, 0x0b) // global.get, if, unreachable, end
	return code
}

func appended(count uint64, rest []byte) []byte {
	return append(binary.AppendUvarint(make([]byte, 0, len(rest)+64), count), rest...)
}

// reader reads a core module. Its first error stays.
type reader struct {
	bytes []byte
	at    int
	err   error
}

func (r *reader) more() bool { return r.at < len(r.bytes) }

func (r *reader) rest() []byte { return r.bytes[r.at:] }

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.at = len(r.bytes)
}

func (r *reader) take(length uint64) []byte {
	if length > uint64(len(r.bytes)-r.at) {
		r.fail(errors.New("the core module ends early"))
		return nil
	}
	taken := r.bytes[r.at:][:length]
	r.at += int(length)
	return taken
}

func (r *reader) byte() byte {
	if taken := r.take(1); len(taken) == 1 {
		return taken[0]
	}
	return 0
}

func (r *reader) uint() uint64 {
	number, width := binary.Uvarint(r.rest())
	if width <= 0 {
		r.fail(errors.New("a number in the core module does not end"))
		return 0
	}
	r.at += width
	return number
}

// skip passes over so many numbers, signed ones too: they end alike.
func (r *reader) skip(count uint64) {
	for ; count > 0 && r.err == nil; count-- {
		for r.byte()&0x80 != 0 {
		}
	}
}

// imported counts functions and globals.
func (r *reader) imported() (functions, globals uint64) {
	for count := r.uint(); count > 0 && r.err == nil; count-- {
		r.take(r.uint())
		r.take(r.uint())
		switch kind := r.byte(); kind {
		case importFunction:
			r.uint()
			functions++
		case importTable, importMemory:
			if kind == importTable {
				r.byte()
			}
			if r.byte()&1 != 0 {
				r.uint()
			}
			r.uint()
		case importGlobal:
			r.take(2)
			globals++
		default:
			r.fail(fmt.Errorf("the core module imports something of kind %d", kind))
		}
	}
	return functions, globals
}

// counting is the body of a function with a check at each turn of a loop, and at its start where it calls another: what does neither
// is as long as its text.
func (r *reader) counting(check []byte) []byte {
	for locals := r.uint(); locals > 0 && r.err == nil; locals-- {
		r.uint()
		r.byte()
	}
	start := r.at
	out := append(make([]byte, 0, len(r.bytes)+8*len(check)), r.bytes[:start]...)
	out = append(out, check...)
	calls, from := false, start
	for r.more() {
		switch code := r.instruction(); code {
		case opLoop:
			out = append(append(out, r.bytes[from:r.at]...), check...)
			from = r.at
		case opCall, opCallIndirect:
			calls = true
		}
	}
	out = append(out, r.bytes[from:]...)
	if !calls {
		out = append(out[:start], out[start+len(check):]...)
	}
	return out
}

// Instructions that can make a call long.
const (
	opLoop         = 0x03
	opCall         = 0x10
	opCallIndirect = 0x11
)

// instruction passes over one instruction (WebAssembly Core, 5.4), and tells which.
func (r *reader) instruction() byte {
	code := r.byte()
	switch {
	case code >= 0x02 && code <= 0x04, // block, loop, if
		code == 0x0c, code == 0x0d, code == opCall, // br, br_if
		code >= 0x20 && code <= 0x26, // locals, globals, tables
		code >= 0x3f && code <= 0x42, // memory.size, memory.grow, i32.const, i64.const
		code == 0xd0, code == 0xd2:   // ref.null, ref.func
		r.skip(1)
	case code == 0x0e: // br_table
		r.skip(r.uint() + 1)
	case code == opCallIndirect, code >= 0x28 && code <= 0x3e: // loads and stores
		r.skip(2)
	case code == 0x1c: // select with types
		r.take(r.uint())
	case code == 0x43: // f32.const
		r.take(4)
	case code == 0x44: // f64.const
		r.take(8)
	case code == 0xfc:
		switch more := r.uint(); {
		case more <= 7: // saturating conversions
		case more == 8, more == 10, more == 12, more == 14:
			r.skip(2)
		case more <= 17:
			r.uint()
		default:
			r.fail(fmt.Errorf("the core module has the instruction 0xfc %d, which is not known here", more))
		}
	case code <= 0x01, code == 0x05, code == 0x0b, code == 0x0f, code == 0x1a, code == 0x1b,
		code >= 0x45 && code <= 0xc4, code == 0xd1:
	default:
		r.fail(fmt.Errorf("the core module has the instruction %#x, which is not known here", code))
	}
	return code
}

// The C interface in Go: what a server needs of it, by cgo. Copy it, and give cgo your flags (pkg-config: otoscope).

package main

/*
#include <stdlib.h>
#include "otoscope.h"

static oto_stream_spec oto_spec(uint32_t rate, uint32_t channels) {
	oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
	spec.sample_rate_hz = rate;
	spec.channels = channels;
	return spec;
}
*/
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// Status is what the library answers: below zero it is an error.
type Status int32

func (s Status) Error() string { return C.GoString(C.oto_status_str(C.oto_status(s))) }

func check(status C.oto_status) error {
	if status < 0 {
		return Status(status)
	}
	return nil
}

// Config says what to measure on streams of one kind. Once frozen it is shared by all goroutines, and must outlive its probes.
type Config struct{ c *C.oto_config }

// NewConfig has all metrics on, with their defaults.
func NewConfig(sampleRateHz, channels uint32) (*Config, error) {
	spec := C.oto_spec(C.uint32_t(sampleRateHz), C.uint32_t(channels))
	var c *C.oto_config
	if err := check(C.oto_config_new(&spec, &c)); err != nil {
		return nil, err
	}
	return &Config{c}, nil
}

// Set sets a parameter, such as "continuity.cushion_ms".
func (c *Config) Set(key string, value float64) error {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	return c.said(C.oto_config_set_f64(c.c, k, C.double(value)))
}

// Freeze checks everything and makes the tables.
func (c *Config) Freeze() error { return c.said(C.oto_config_freeze(c.c)) }

// Close frees the config, after all its probes.
func (c *Config) Close() { C.oto_config_free(c.c) }

func (c *Config) said(status C.oto_status) error {
	if status >= 0 {
		return nil
	}
	var why [512]C.char
	var needed C.size_t
	C.oto_config_error(c.c, &why[0], C.size_t(len(why)), &needed)
	return fmt.Errorf("%w: %s", Status(status), C.GoString(&why[0]))
}

// Finding is one thing that is wrong.
type Finding struct {
	Start, End  uint64 // samples per channel
	Severity    int32  // 1 info, 2 warning, 3 error
	Open        bool   // it began; another with the same Event will close it
	Event       uint32
	Value       float64
	Kind, Words string
}

// Probe listens to one stream. One goroutine at a time.
type Probe struct {
	p    *C.oto_probe
	r    *C.oto_report
	rate uint32
}

// NewProbe is for one stream, or for a pool.
func NewProbe(c *Config, sampleRateHz uint32) (*Probe, error) {
	p := &Probe{rate: sampleRateHz}
	if err := check(C.oto_probe_new(c.c, &p.p)); err != nil {
		return nil, err
	}
	if err := check(C.oto_report_new(c.c, &p.r)); err != nil {
		C.oto_probe_free(p.p)
		return nil, err
	}
	runtime.SetFinalizer(p, (*Probe).Close)
	return p, nil
}

// Push takes one chunk, with its time in nanoseconds; an empty one says that time passes.
func (p *Probe) Push(chunk []int16, tNs int64) error {
	var first *C.int16_t
	if len(chunk) > 0 {
		first = (*C.int16_t)(unsafe.Pointer(&chunk[0]))
	}
	err := check(C.oto_probe_push_i16(p.p, first, C.size_t(len(chunk)), C.int64_t(tNs), 0))
	runtime.KeepAlive(p)
	return err
}

// Poll takes the findings that wait.
func (p *Probe) Poll() ([]Finding, error) {
	var all []Finding
	var found [8]C.oto_finding
	for {
		var count C.size_t
		if err := check(C.oto_probe_poll_findings(p.p, &found[0], C.size_t(len(found)), &count)); err != nil {
			return all, err
		}
		for i := range found[:count] {
			f := &found[i]
			var words [512]C.char
			var needed C.size_t
			C.oto_finding_message(f, C.uint32_t(p.rate), &words[0], C.size_t(len(words)), &needed)
			all = append(all, Finding{
				Start: uint64(f.start_sample), End: uint64(f.end_sample), Severity: int32(f.severity),
				Open: f.state == C.OTO_STATE_OPEN, Event: uint32(f.event_id), Value: float64(f.value),
				Kind: C.GoString(C.oto_finding_kind_str(f.metric_id, f.kind)), Words: C.GoString(&words[0]),
			})
		}
		if int(count) < len(found) {
			return all, nil
		}
	}
}

// Finish ends the stream; Value and JSON then have the final values.
func (p *Probe) Finish() error { return check(C.oto_probe_finish(p.p, p.r)) }

// Reset makes the probe as new.
func (p *Probe) Reset() error { return check(C.oto_probe_reset(p.p)) }

// Value is a value of the report by its key; false if there is none.
func (p *Probe) Value(key string) (float64, bool) {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	var out C.double
	status := C.oto_report_value_by_key(p.r, k, &out)
	return float64(out), status == C.OTO_OK
}

// JSON is the report for machines.
func (p *Probe) JSON() (string, error) {
	var needed C.size_t
	C.oto_report_json(p.r, nil, 0, &needed)
	buf := make([]byte, needed)
	if err := check(C.oto_report_json(p.r, (*C.char)(unsafe.Pointer(&buf[0])), needed, &needed)); err != nil {
		return "", err
	}
	return string(buf[:needed-1]), nil
}

// Close frees the probe.
func (p *Probe) Close() {
	C.oto_probe_free(p.p)
	C.oto_report_free(p.r)
	p.p, p.r = nil, nil
	runtime.SetFinalizer(p, nil)
}

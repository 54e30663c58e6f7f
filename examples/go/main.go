// A speech server in Go with a probe in each worker: goroutines take probes from a pool, push what they send, and reset.
package main

import (
	"fmt"
	"log"
	"math"
	"strings"
	"sync"
)

const rateHz = 24000

// speak stands in for an engine: a second of a trembling tone in chunks of 20 ms; in the odd utterances one chunk begins with a hole.
func speak(utterance int) [][]int16 {
	var chunks [][]int16
	phase := 0.0
	for c := 0; c < 50; c++ {
		chunk := make([]int16, rateHz/50)
		for i := range chunk {
			chunk[i] = int16(8192 * math.Sin(phase))
			t := float64(c*len(chunk)+i) / rateHz
			phase += 2 * math.Pi * (440 + 30*math.Sin(2*math.Pi*5*t)) / rateHz
		}
		if utterance%2 == 1 && c == 25 {
			clear(chunk[:200])
		}
		chunks = append(chunks, chunk)
	}
	return chunks
}

func serve(pool *sync.Pool, utterance int) (string, error) {
	probe := pool.Get().(*Probe)
	defer pool.Put(probe)
	defer func() { _ = probe.Reset() }()
	var now int64
	if err := probe.Push(nil, now); err != nil { // the request
		return "", err
	}
	var heard []string
	listen := func() error {
		findings, err := probe.Poll()
		for _, f := range findings {
			if !f.Open && f.Severity >= 2 {
				heard = append(heard, fmt.Sprintf("%.3f s: %s", float64(f.Start)/rateHz, f.Words))
			}
		}
		return err
	}
	for _, chunk := range speak(utterance) {
		now += 20_000_000
		if err := probe.Push(chunk, now); err != nil {
			return "", err
		}
		if err := listen(); err != nil {
			return "", err
		}
	}
	if err := probe.Finish(); err != nil {
		return "", err
	}
	if err := listen(); err != nil {
		return "", err
	}
	lufs, _ := probe.Value("loudness.integrated_lufs")
	json, err := probe.JSON()
	if err != nil || !strings.Contains(json, `"schema":"otoscope.report/1"`) {
		return "", fmt.Errorf("no report: %v", err)
	}
	return fmt.Sprintf("utterance %d: %.1f LUFS, %d findings %s", utterance, lufs, len(heard), strings.Join(heard, "; ")), nil
}

func main() {
	config, err := NewConfig(rateHz, 1)
	if err != nil {
		log.Fatal(err)
	}
	if err := config.Set("continuity.cushion_ms", 200); err != nil {
		log.Fatal(err)
	}
	if err := config.Set("no.such_key", 1); err == nil {
		log.Fatal("a wrong key was taken")
	}
	if err := config.Freeze(); err != nil {
		log.Fatal(err)
	}
	pool := &sync.Pool{New: func() any {
		probe, err := NewProbe(config, rateHz)
		if err != nil {
			log.Fatal(err)
		}
		return probe
	}}
	lines := make([]string, 8)
	var group sync.WaitGroup
	for u := range lines {
		group.Add(1)
		go func() {
			defer group.Done()
			line, err := serve(pool, u)
			if err != nil {
				log.Fatal(err)
			}
			lines[u] = line
		}()
	}
	group.Wait()
	for _, line := range lines {
		fmt.Println(line)
	}
}

package app

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// resolutionFormat names the file format (docs/formats/resolve.md).
const resolutionFormat = "holdfast-resolution/1"

// savedResolution is the evidence of one walk to a name in a file of its own,
// with the trust anchors it was judged under.
type savedResolution struct {
	Format      string               `json:"format"`
	Program     string               `json:"program"`
	Question    holdfast.Question    `json:"question"`
	Anchors     []string             `json:"anchors"` // DS or DNSKEY records, presentation format
	Measurement holdfast.Measurement `json:"measurement"`
}

// saveResolution writes a walk with what it is judged by.
func saveResolution(path string, q holdfast.Question, m holdfast.Measurement, anchors []wire.Record) error {
	return saveNew(path, savedResolution{Format: resolutionFormat, Program: Program(), Question: q, Anchors: presented(anchors), Measurement: m})
}

// loadResolution reads what saveResolution wrote.
func loadResolution(path string) (savedResolution, []wire.Record, error) {
	file, err := os.Open(path)
	if err != nil {
		return savedResolution{}, nil, fmt.Errorf("read evidence: %w", err)
	}
	defer file.Close()
	s, anchors, err := readResolution(file)
	if err != nil {
		return s, nil, advise(fmt.Errorf("read evidence %s: %w", path, err), "It must be a file that `holdfast resolve --save` wrote (docs/formats/resolve.md).")
	}
	return s, anchors, nil
}

func readResolution(in io.Reader) (savedResolution, []wire.Record, error) {
	var s savedResolution
	if err := json.NewDecoder(io.LimitReader(in, maxEvidence)).Decode(&s); err != nil {
		return s, nil, err
	}
	if s.Format != resolutionFormat {
		return s, nil, fmt.Errorf("format is %q, want %q", s.Format, resolutionFormat)
	}
	if _, err := holdfast.ParseName(string(s.Question.Name)); err != nil {
		return s, nil, fmt.Errorf("question.name: %w", err)
	}
	anchors, err := anchorsIn(s.Anchors)
	return s, anchors, err
}

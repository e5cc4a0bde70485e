package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// The file formats (docs/formats/evidence.md): the second has the past.
const (
	evidenceFormat      = "holdfast-evidence/2"
	evidenceFormatFirst = "holdfast-evidence/1"
)

// maxEvidence bounds an evidence file; a zone with 26 servers comes to 2 MB.
const maxEvidence = 256 << 20

// evidence is one measurement in a file of its own, with the trust anchors it
// was judged under and what was known of its zone before it, so that a
// colleague judges it alike.
type evidence struct {
	Format      string               `json:"format"`
	Program     string               `json:"program"`
	Anchors     []string             `json:"anchors"` // DS or DNSKEY records, presentation format
	Past        holdfast.Past        `json:"past,omitzero"`
	Measurement holdfast.Measurement `json:"measurement"`
}

// saveEvidence writes a measurement with what it is judged by.
func saveEvidence(path string, m holdfast.Measurement, past holdfast.Past, anchors []wire.Record) error {
	return saveNew(path, evidence{Format: evidenceFormat, Program: Program(), Anchors: presented(anchors), Past: past, Measurement: m})
}

// saveNew writes evidence to a new file; it never overwrites any.
func saveNew(path string, value any) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return advise(fmt.Errorf("save evidence: %w", err), "Evidence is not overwritten: choose another name or remove the file.")
	}
	if err != nil {
		return fmt.Errorf("save evidence: %w", err)
	}
	if err := errors.Join(writeJSON(file, value), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("save evidence %s: %w", path, err)
	}
	return nil
}

// presented writes records as people do, and anchorsIn reads them.
func presented(anchors []wire.Record) []string {
	var out []string
	for _, a := range anchors {
		out = append(out, a.String())
	}
	return out
}

func anchorsIn(texts []string) ([]wire.Record, error) {
	var out []wire.Record
	for i, text := range texts {
		record, err := wire.ParseRecord(text)
		if err != nil {
			return nil, fmt.Errorf("anchors[%d]: %w", i, err)
		}
		out = append(out, record)
	}
	return out, nil
}

// loadEvidence reads what saveEvidence wrote.
func loadEvidence(path string) (evidence, []wire.Record, error) {
	file, err := os.Open(path)
	if err != nil {
		return evidence{}, nil, fmt.Errorf("read evidence: %w", err)
	}
	defer file.Close()
	e, anchors, err := readEvidence(file)
	if err != nil {
		return e, nil, advise(fmt.Errorf("read evidence %s: %w", path, err), "It must be a file that `holdfast check --save` or `holdfast show --save` wrote (docs/formats/evidence.md).")
	}
	return e, anchors, nil
}

func readEvidence(in io.Reader) (evidence, []wire.Record, error) {
	var e evidence
	if err := json.NewDecoder(io.LimitReader(in, maxEvidence)).Decode(&e); err != nil {
		return e, nil, err
	}
	if e.Format != evidenceFormat && e.Format != evidenceFormatFirst {
		return e, nil, fmt.Errorf("format is %q, want %q", e.Format, evidenceFormat)
	}
	if _, err := holdfast.ParseName(string(e.Measurement.Subject.Zone)); err != nil {
		return e, nil, fmt.Errorf("measurement.subject.zone: %w", err)
	}
	anchors, err := anchorsIn(e.Anchors)
	return e, anchors, err
}

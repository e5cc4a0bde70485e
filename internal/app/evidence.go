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

// saveEvidence writes a new file; it never overwrites evidence.
func saveEvidence(path string, m holdfast.Measurement, past holdfast.Past, anchors []wire.Record) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return advise(fmt.Errorf("save evidence: %w", err), "Evidence is not overwritten: choose another name or remove the file.")
	}
	if err != nil {
		return fmt.Errorf("save evidence: %w", err)
	}
	e := evidence{Format: evidenceFormat, Program: Program(), Past: past, Measurement: m}
	for _, a := range anchors {
		e.Anchors = append(e.Anchors, a.String())
	}
	err = writeJSON(file, e)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("save evidence %s: %w", path, err)
	}
	return nil
}

// loadEvidence reads what saveEvidence wrote.
func loadEvidence(path string) (holdfast.Measurement, holdfast.Past, []wire.Record, error) {
	file, err := os.Open(path)
	if err != nil {
		return holdfast.Measurement{}, holdfast.Past{}, nil, fmt.Errorf("read evidence: %w", err)
	}
	defer file.Close()
	m, past, anchors, err := readEvidence(file)
	if err != nil {
		return holdfast.Measurement{}, holdfast.Past{}, nil, advise(fmt.Errorf("read evidence %s: %w", path, err), "It must be a file that `holdfast check --save` or `holdfast show --save` wrote (docs/formats/evidence.md).")
	}
	return m, past, anchors, nil
}

func readEvidence(in io.Reader) (holdfast.Measurement, holdfast.Past, []wire.Record, error) {
	var none holdfast.Measurement
	var unknown holdfast.Past
	var e evidence
	if err := json.NewDecoder(io.LimitReader(in, maxEvidence)).Decode(&e); err != nil {
		return none, unknown, nil, err
	}
	if e.Format != evidenceFormat && e.Format != evidenceFormatFirst {
		return none, unknown, nil, fmt.Errorf("format is %q, want %q", e.Format, evidenceFormat)
	}
	if _, err := holdfast.ParseName(string(e.Measurement.Subject.Zone)); err != nil {
		return none, unknown, nil, fmt.Errorf("measurement.subject.zone: %w", err)
	}
	var anchors []wire.Record
	for i, text := range e.Anchors {
		record, err := wire.ParseRecord(text)
		if err != nil {
			return none, unknown, nil, fmt.Errorf("anchors[%d]: %w", i, err)
		}
		anchors = append(anchors, record)
	}
	return e.Measurement, e.Past, anchors, nil
}

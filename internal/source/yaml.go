package source

import (
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// maxYAML bounds a YAML file, in octets: those that we read are written by hand.
const maxYAML = 1 << 20

// ReadYAML decodes one YAML document into a value; a field that the value does
// not have is an error where strict, and left alone otherwise. file names the
// input in errors.
func ReadYAML(in io.Reader, file string, strict bool, into any) error {
	decoder := yaml.NewDecoder(io.LimitReader(in, maxYAML))
	decoder.KnownFields(strict)
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

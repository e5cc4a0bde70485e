package ceremony

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// Read reads a key signing request or a signed key response, in the form of the
// root zone operators' KSR schema of 2010. Nothing is verified, but what the
// schema demands must be there, and nothing else may be: errors name the file
// and the line. Bundles keep the order of the file.
func Read(in io.Reader, file string) (holdfast.KeySigning, error) {
	d := newDocument(in, file)
	out := holdfast.KeySigning{File: file}
	root, ok, err := d.child()
	switch {
	case err != nil:
		return out, err
	case !ok || root.Name.Local != "KSR":
		return out, d.fail(d.line(), "the outermost element is %s; a key signing request or response begins with KSR", root.Name.Local)
	}
	if err := d.header(attributes(root), &out); err != nil {
		return out, err
	}
	body, ok, err := d.child()
	if err != nil {
		return out, err
	}
	if !ok {
		return out, d.fail(d.line(), "element KSR is empty; it holds a Request or a Response")
	}
	switch body.Name.Local {
	case "Request":
		out.Kind = holdfast.KeyRequest
	case "Response":
		out.Kind = holdfast.KeyResponse
	default:
		return out, d.fail(d.line(), "element KSR holds %s; it should hold a Request or a Response", body.Name.Local)
	}
	if made, ok := attributes(body)["timestamp"]; ok {
		if out.Made, err = readTime(made); err != nil {
			return out, d.fail(d.line(), "attribute timestamp: %w", err)
		}
	}
	if err := d.body(&out); err != nil {
		return out, err
	}
	return out, d.end()
}

func (d *document) header(attributes map[string]string, out *holdfast.KeySigning) error {
	for _, name := range []string{"id", "serial", "domain"} {
		if _, ok := attributes[name]; !ok {
			return d.fail(d.line(), "element KSR has no attribute %s", name)
		}
	}
	var err error
	if out.Serial, err = strconv.ParseUint(attributes["serial"], 10, 64); err != nil {
		return d.fail(d.line(), "attribute serial: %q is not a number", attributes["serial"])
	}
	if out.Zone, err = holdfast.ParseName(attributes["domain"]); err != nil {
		return d.fail(d.line(), "attribute domain: %w", err)
	}
	out.ID = attributes["id"]
	return nil
}

// body reads the policy and the bundles.
func (d *document) body(out *holdfast.KeySigning) error {
	prefix := "Request"
	if out.Kind == holdfast.KeyResponse {
		prefix = "Response"
	}
	for {
		start, ok, err := d.child()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		e, err := d.whole(start)
		if err != nil {
			return err
		}
		switch e.name {
		case prefix + "Policy":
			err = d.policies(e, out)
		case prefix + "Bundle":
			var bundle holdfast.KeyBundle
			bundle, err = d.bundle(e)
			if len(out.Bundles) == maxBundles {
				err = d.fail(e.line, "there are more than %d bundles", maxBundles)
			}
			out.Bundles = append(out.Bundles, bundle)
		default:
			err = d.fail(e.line, "element %s has no place in a %s", e.name, prefix)
		}
		if err != nil {
			return err
		}
	}
	if out.ZSK == nil || out.Kind == holdfast.KeyResponse && out.KSK == nil {
		return fmt.Errorf("read %s: element %sPolicy is missing", d.file, prefix)
	}
	if len(out.Bundles) == 0 {
		return fmt.Errorf("read %s: there is no %sBundle in it", d.file, prefix)
	}
	return nil
}

// end sees to it that nothing follows.
func (d *document) end() error {
	if _, more, err := d.child(); err != nil || more {
		if more {
			err = d.fail(d.line(), "element KSR holds more than one request or response")
		}
		return err
	}
	for {
		token, err := d.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if text, ok := token.(xml.CharData); !ok || strings.TrimSpace(string(text)) != "" {
			return d.fail(d.line(), "something follows the element KSR")
		}
	}
}

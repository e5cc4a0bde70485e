package ceremony

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds on the files, which strangers may hand us. A real response of nine
// bundles has 30 kB, 40 keys and 10 signatures.
const (
	maxFile     = 4 << 20
	maxDepth    = 8
	maxElements = 1 << 14 // in one policy or bundle
	maxText     = 1 << 14 // in one element
	maxBundles  = 128
)

// element is a piece of the document, read whole.
type element struct {
	name       string
	line       int
	attributes map[string]string
	text       string
	children   []element
}

// document streams a file: what stands above the bundles is walked over token
// by token, and each policy and bundle is read whole, one at a time.
type document struct {
	file    string
	in      *io.LimitedReader
	decoder *xml.Decoder
}

func newDocument(in io.Reader, file string) *document {
	limited := &io.LimitedReader{R: in, N: maxFile + 1}
	return &document{file: file, in: limited, decoder: xml.NewDecoder(limited)}
}

// fail names the file and the line.
func (d *document) fail(line int, format string, values ...any) error {
	return fmt.Errorf("read %s: line %d: %w", d.file, line, fmt.Errorf(format, values...))
}

func (d *document) line() int {
	line, _ := d.decoder.InputPos()
	return line
}

var errTooLarge = fmt.Errorf("it is larger than %d octets, and a real one has some ten thousand", maxFile)

// next is the next token that matters: the start or the end of an element, or
// text. Comments and processing instructions are skipped; a document type is
// refused, since nothing that it could declare belongs here.
func (d *document) next() (xml.Token, error) {
	for {
		token, err := d.decoder.Token()
		switch {
		case d.in.N <= 0:
			return nil, fmt.Errorf("read %s: %w", d.file, errTooLarge)
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		case err != nil:
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				return nil, d.fail(syntax.Line, "%s", syntax.Msg)
			}
			return nil, fmt.Errorf("read %s: %w", d.file, err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, d.fail(d.line(), "a document type has no place in a key signing file")
		case xml.StartElement, xml.EndElement, xml.CharData:
			return t, nil
		}
	}
}

// child is the next element within the one that was begun last, begun itself;
// ok is false at that one's end. Text between elements must be blank.
func (d *document) child() (start xml.StartElement, ok bool, err error) {
	for {
		line := d.line()
		token, err := d.next()
		if errors.Is(err, io.EOF) {
			return xml.StartElement{}, false, fmt.Errorf("read %s: it ends before its time", d.file)
		}
		if err != nil {
			return xml.StartElement{}, false, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return t, true, nil
		case xml.EndElement:
			return xml.StartElement{}, false, nil
		case xml.CharData:
			if len(strings.TrimSpace(string(t))) > 0 {
				return xml.StartElement{}, false, d.fail(line, "text where an element should stand: %.40q", strings.TrimSpace(string(t)))
			}
		}
	}
}

// whole reads an element that was begun, with all that is in it.
func (d *document) whole(start xml.StartElement) (element, error) {
	left := maxElements
	return d.read(start, maxDepth, &left)
}

func (d *document) read(start xml.StartElement, depth int, left *int) (element, error) {
	e := element{name: start.Name.Local, line: d.line(), attributes: attributes(start)}
	if *left--; depth == 0 || *left < 0 {
		return e, d.fail(e.line, "element %s: there are more elements, or deeper ones, than a key signing file has", e.name)
	}
	var text strings.Builder
	for {
		token, err := d.next()
		if errors.Is(err, io.EOF) {
			return e, fmt.Errorf("read %s: it ends within element %s", d.file, e.name)
		}
		if err != nil {
			return e, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			c, err := d.read(t, depth-1, left)
			if err != nil {
				return e, err
			}
			e.children = append(e.children, c)
		case xml.CharData:
			if text.Len()+len(t) > maxText {
				return e, d.fail(e.line, "element %s holds more than %d octets", e.name, maxText)
			}
			text.Write(t)
		case xml.EndElement:
			e.text = strings.TrimSpace(text.String())
			if e.text != "" && len(e.children) > 0 {
				return e, d.fail(e.line, "element %s holds text beside its elements: %.40q", e.name, e.text)
			}
			return e, nil
		}
	}
}

func attributes(start xml.StartElement) map[string]string {
	if len(start.Attr) == 0 {
		return nil
	}
	out := make(map[string]string, len(start.Attr))
	for _, a := range start.Attr {
		out[a.Name.Local] = a.Value
	}
	return out
}

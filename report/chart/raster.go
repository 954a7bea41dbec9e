package chart

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// resolution is how many pixels of a PNG are one of SVG: 288 to the inch are enough for
// print.
const resolution = 3

// raster fills pixels.
type raster struct {
	image *image.RGBA
	fill  vector.Rasterizer
}

func newRaster(width, height float64) *raster {
	r := &raster{image: image.NewRGBA(image.Rect(0, 0, int(width*resolution), int(height*resolution)))}
	draw.Draw(r.image, r.image.Bounds(), image.White, image.Point{}, draw.Src)
	return r
}

// finish returns the picture.
func (r *raster) finish() ([]byte, error) {
	var b bytes.Buffer
	err := png.Encode(&b, r.image)
	return b.Bytes(), err
}

func (r *raster) area(points []point, fill color.RGBA) {
	left, top, right, bottom := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range points {
		left, right = min(left, p.x*resolution), max(right, p.x*resolution)
		top, bottom = min(top, p.y*resolution), max(bottom, p.y*resolution)
	}
	box := image.Rect(int(left), int(top), int(right)+1, int(bottom)+1).Intersect(r.image.Bounds())
	if box.Empty() {
		return
	}
	r.fill.Reset(box.Dx(), box.Dy())
	for i, p := range points {
		x, y := float32(p.x*resolution-float64(box.Min.X)), float32(p.y*resolution-float64(box.Min.Y))
		if i == 0 {
			r.fill.MoveTo(x, y)
		} else {
			r.fill.LineTo(x, y)
		}
	}
	r.fill.ClosePath()
	r.fill.Draw(r.image, box, image.NewUniform(fill), image.Point{})
}

func (r *raster) line(points []point, l stroke) {
	at, on := 0, true // place in the dash
	left := math.Inf(1)
	if l.dash != nil {
		left = l.dash[0]
	}
	for i := 1; i < len(points); i++ {
		p, q := points[i-1], points[i]
		length := math.Hypot(q.x-p.x, q.y-p.y)
		for done := 0.0; done < length; {
			n := min(left, length-done)
			if on {
				r.stroke(along(p, q, done/length), along(p, q, (done+n)/length), l)
			}
			if done, left = done+n, left-n; left <= 0 {
				at, on = (at+1)%len(l.dash), !on
				left = l.dash[at]
			}
		}
	}
}

// along returns the point at a part of the way from p to q.
func along(p, q point, part float64) point {
	return point{p.x + (q.x-p.x)*part, p.y + (q.y-p.y)*part}
}

// stroke draws a straight line, a little longer so that it meets the next.
func (r *raster) stroke(p, q point, l stroke) {
	length := math.Hypot(q.x-p.x, q.y-p.y)
	if length == 0 {
		return
	}
	u, v := (q.x-p.x)/length*l.width/2, (q.y-p.y)/length*l.width/2
	if l.dash == nil {
		p, q = point{p.x - u, p.y - v}, point{q.x + u, q.y + v}
	}
	r.area([]point{{p.x - v, p.y + u}, {q.x - v, q.y + u}, {q.x + v, q.y - u}, {p.x + v, p.y - u}}, l.color)
}

func (r *raster) text(at point, s string, f letters) {
	d := font.Drawer{Dst: r.image, Src: image.NewUniform(f.color), Face: face(f.size*resolution, f.bold)}
	x := fixed.Int26_6(at.x * resolution * 64)
	x -= d.MeasureString(s) * fixed.Int26_6(f.anchor) / 2
	d.Dot = fixed.Point26_6{X: x, Y: fixed.Int26_6(at.y * resolution * 64)}
	d.DrawString(s)
}

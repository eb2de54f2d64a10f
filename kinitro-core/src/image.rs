//! Pictures, in the wire format `{"data", "shape", "dtype"}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::{ArrayView2, ArrayView3};
use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// Why bytes do not make a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The number of bytes does not fit the shape.
    #[error("an image of shape {shape:?} and type {dtype} needs {expected} bytes, not {found}")]
    WrongSize {
        /// The shape that was given.
        shape: Vec<usize>,
        /// The type of an element.
        dtype: &'static str,
        /// The number of bytes that shape and type need.
        expected: usize,
        /// The number of bytes there were.
        found: usize,
    },
    /// Not a shape of this kind of picture.
    #[error("{0:?} is not the shape of such an image")]
    WrongShape(Vec<usize>),
    /// Not the element type of this kind of picture.
    #[error("expected elements of type {expected}, not `{found}`")]
    WrongType {
        /// The type it should have.
        expected: &'static str,
        /// The type it had.
        found: String,
    },
}

/// A colour picture: 8-bit RGB, shape `[height, width, 3]`, rows from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Image {
    height: usize,
    width: usize,
    bytes: Vec<u8>,
}

impl Image {
    /// A picture of `height` rows of `width` pixels from its bytes in C order.
    ///
    /// # Errors
    /// [`ImageError::WrongSize`] when there are not `height * width * 3` bytes.
    pub fn from_rgb(height: usize, width: usize, bytes: Vec<u8>) -> Result<Self, ImageError> {
        check_size(&[height, width, 3], 1, "uint8", bytes.len())?;
        Ok(Self { height, width, bytes })
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The bytes in C order: row by row, pixel by pixel, red, green, blue.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The picture as an array of shape `[height, width, 3]`.
    pub fn view(&self) -> ArrayView3<'_, u8> {
        ArrayView3::from_shape((self.height, self.width, 3), &self.bytes)
            .expect("the size was checked when the image was made")
    }
}

/// A depth picture: distance from the camera plane in metres, shape `[height, width]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct DepthImage {
    height: usize,
    width: usize,
    metres: Vec<f32>,
}

impl DepthImage {
    /// A picture of `height` rows of `width` distances in metres, in C order.
    ///
    /// # Errors
    /// [`ImageError::WrongSize`] when there are not `height * width` distances.
    pub fn from_metres(height: usize, width: usize, metres: Vec<f32>) -> Result<Self, ImageError> {
        check_size(&[height, width], 4, "float32", metres.len().saturating_mul(4))?;
        Ok(Self { height, width, metres })
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The picture as an array of shape `[height, width]`, in metres.
    pub fn view(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.height, self.width), &self.metres)
            .expect("the size was checked when the image was made")
    }
}

fn check_size(
    shape: &[usize],
    element: usize,
    dtype: &'static str,
    found: usize,
) -> Result<(), ImageError> {
    let expected = shape.iter().try_fold(element, |size, &n| size.checked_mul(n));
    match expected {
        Some(expected) if expected == found => Ok(()),
        Some(expected) => {
            Err(ImageError::WrongSize { shape: shape.to_vec(), dtype, expected, found })
        }
        None => Err(ImageError::WrongShape(shape.to_vec())),
    }
}

/// The wire format. Text formats carry the bytes as base64, binary formats as they are.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    data: Bytes,
    shape: Vec<usize>,
    dtype: String,
}

impl From<Image> for Wire {
    fn from(image: Image) -> Self {
        let shape = vec![image.height, image.width, 3];
        Self { data: Bytes(image.bytes), shape, dtype: "uint8".to_owned() }
    }
}

impl TryFrom<Wire> for Image {
    type Error = ImageError;

    fn try_from(wire: Wire) -> Result<Self, ImageError> {
        if wire.dtype != "uint8" {
            return Err(ImageError::WrongType { expected: "uint8", found: wire.dtype });
        }
        match wire.shape[..] {
            [height, width, 3] => Self::from_rgb(height, width, wire.data.0),
            _ => Err(ImageError::WrongShape(wire.shape)),
        }
    }
}

impl From<DepthImage> for Wire {
    fn from(image: DepthImage) -> Self {
        let bytes = image.metres.iter().flat_map(|metre| metre.to_le_bytes()).collect();
        let shape = vec![image.height, image.width];
        Self { data: Bytes(bytes), shape, dtype: "float32".to_owned() }
    }
}

impl TryFrom<Wire> for DepthImage {
    type Error = ImageError;

    fn try_from(wire: Wire) -> Result<Self, ImageError> {
        if wire.dtype != "float32" {
            return Err(ImageError::WrongType { expected: "float32", found: wire.dtype });
        }
        let [height, width] = wire.shape[..] else {
            return Err(ImageError::WrongShape(wire.shape));
        };
        check_size(&[height, width], 4, "float32", wire.data.0.len())?;
        let metres = wire.data.0.as_chunks::<4>().0.iter().copied().map(f32::from_le_bytes);
        Self::from_metres(height, width, metres.collect())
    }
}

#[derive(Clone)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;

        impl Visitor<'_> for BytesVisitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("base64 text or bytes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                STANDARD
                    .decode(text)
                    .map(Bytes)
                    .map_err(|error| E::custom(format!("base64: {error}")))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }

        if deserializer.is_human_readable() {
            deserializer.deserialize_str(BytesVisitor)
        } else {
            deserializer.deserialize_byte_buf(BytesVisitor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_format_is_the_documented_one() {
        let image = Image::from_rgb(1, 2, vec![0, 1, 2, 253, 254, 255]).unwrap();
        let json = serde_json::to_string(&image).unwrap();
        assert_eq!(json, r#"{"data":"AAEC/f7/","shape":[1,2,3],"dtype":"uint8"}"#);
        assert_eq!(serde_json::from_str::<Image>(&json).unwrap(), image);
    }

    #[test]
    fn message_pack_carries_raw_bytes() {
        let image = Image::from_rgb(8, 8, vec![7; 192]).unwrap();
        let packed = rmp_serde::to_vec_named(&image).unwrap();
        assert!(packed.len() < 192 + 48, "{} bytes", packed.len());
        assert_eq!(rmp_serde::from_slice::<Image>(&packed).unwrap(), image);
    }

    #[test]
    fn depth_travels_as_little_endian_float32() {
        let depth = DepthImage::from_metres(1, 2, vec![0.5, 2.0]).unwrap();
        let json = serde_json::to_value(&depth).unwrap();
        assert_eq!(json["dtype"], "float32");
        assert_eq!(json["data"], "AAAAPwAAAEA=");
        assert_eq!(serde_json::from_value::<DepthImage>(json).unwrap(), depth);
    }

    #[test]
    fn a_picture_that_lies_about_itself_is_refused() {
        let cases = [
            (r#"{"data":"AAEC","shape":[1,2,3],"dtype":"uint8"}"#, "needs 6 bytes, not 3"),
            (r#"{"data":"AAEC","shape":[1,3],"dtype":"uint8"}"#, "not the shape"),
            (r#"{"data":"AAEC","shape":[1,1,3],"dtype":"int8"}"#, "type uint8"),
            (r#"{"data":"A!","shape":[1,1,3],"dtype":"uint8"}"#, "base64"),
            (r#"{"data":"","shape":[4611686018427387904,4,3],"dtype":"uint8"}"#, "not the shape"),
        ];
        for (json, expected) in cases {
            let message = serde_json::from_str::<Image>(json).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}

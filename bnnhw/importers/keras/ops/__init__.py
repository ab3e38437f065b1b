"""Operations that the layers of a Keras model consist of: computed in numpy, and as ONNX nodes."""
